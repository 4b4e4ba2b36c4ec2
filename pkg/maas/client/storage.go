/*
Copyright 2026 The cluster-api-provider-maas Authors.

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License.
*/

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// maxInstallConfig bounds what is read of an installer's configuration, which has some 200 bytes for each disk and interface.
const maxInstallConfig = 4 << 20

var (
	errNoInstallConfig  = errors.New("an empty installer configuration")
	errBigInstallConfig = fmt.Errorf("an installer configuration of more than %d bytes", maxInstallConfig)
)

// DeleteBlockDevice implements maas.Storage.
func (c *Client) DeleteBlockDevice(ctx context.Context, systemID string, deviceID int) error {
	return c.blockDevice(ctx, systemID, deviceID, request{operation: "delete block device", method: http.MethodDelete})
}

// SetBootDisk implements maas.Storage.
func (c *Client) SetBootDisk(ctx context.Context, systemID string, deviceID int) error {
	return c.blockDevice(ctx, systemID, deviceID, request{operation: "set boot disk", method: http.MethodPost, op: "set_boot_disk"})
}

// SetStorageLayout implements maas.Storage.
func (c *Client) SetStorageLayout(ctx context.Context, systemID string, layout maas.StorageLayout) (*maas.Machine, error) {
	params := url.Values{"storage_layout": {layout.Layout}}
	setSize(params, "root_device", int64(layout.RootDeviceID))
	setSize(params, "boot_size", layout.BootSizeBytes)
	setSize(params, "root_size", layout.RootSizeBytes)
	setIf(params, "vg_name", layout.VGName)
	setIf(params, "lv_name", layout.LVName)
	setSize(params, "lv_size", layout.LVSizeBytes)
	return c.machine(ctx, systemID, request{
		operation: "set storage layout", method: http.MethodPost, op: "set_storage_layout", params: params,
	})
}

// InstallConfig implements maas.Storage.
func (c *Client) InstallConfig(ctx context.Context, systemID string) ([]byte, error) {
	const operation = "get install config"
	if !validID(systemID) {
		return nil, invalid(operation, "malformed system id")
	}
	var config []byte
	err := c.do(ctx, request{
		operation: operation, object: systemID, method: http.MethodGet, path: "machines/" + systemID + "/", op: "get_curtin_config",
		decode: decodeInto(&config, readInstallConfig),
	})
	if err != nil {
		return nil, err
	}
	return config, nil
}

// readInstallConfig refuses what is cut off: a disk that is not in it would pass for one that is not wiped.
func readInstallConfig(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxInstallConfig+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) == 0:
		return nil, errNoInstallConfig
	case len(b) > maxInstallConfig:
		return nil, errBigInstallConfig
	}
	return b, nil
}

// blockDevice carries out a request on one block device whose answer says nothing.
func (c *Client) blockDevice(ctx context.Context, systemID string, deviceID int, r request) error {
	// Where an id should be, MAAS also takes a name.
	if !validID(systemID) || deviceID <= 0 {
		return invalid(r.operation, "malformed system id or block device id")
	}
	r.object = fmt.Sprintf("%d of machine %s", deviceID, systemID)
	r.path = fmt.Sprintf("nodes/%s/blockdevices/%d/", systemID, deviceID)
	return c.do(ctx, r)
}

func setSize(params url.Values, key string, value int64) {
	if value != 0 {
		params.Set(key, strconv.FormatInt(value, 10))
	}
}
