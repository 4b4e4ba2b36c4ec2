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

package hostagent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/userdata"
)

// bootFinished marks that the user data was run; it goes with the boot disk.
const bootFinished = "/var/lib/cloud/instance/boot-finished"

// cloudInit fetches the user data and runs it, on the first boot only.
func (h *host) cloudInit(ctx context.Context) error {
	if _, err := os.Stat(h.path(bootFinished)); err == nil {
		return nil
	}
	raw, err := h.server.FetchUserData()
	if err != nil {
		return fmt.Errorf("fetching user data: %w", err)
	}
	cfg, err := userdata.Parse(raw, userdata.Instance{
		ID: h.server.SystemID, Hostname: h.server.Hostname, FQDN: h.server.FQDN,
		Zone: h.server.Zone, IPv4: h.server.Address.String(),
	})
	if err != nil {
		return err
	}
	if err := h.keepUserData(raw, cfg); err != nil {
		return err
	}
	if err := h.runScript(ctx, "bootcmd", cfg.Bootcmd); err != nil {
		return err
	}
	for _, f := range cfg.WriteFiles {
		if err := h.writeFile(f); err != nil {
			return fmt.Errorf("writing %s: %w", f.Path, err)
		}
	}
	if err := h.runScript(ctx, "runcmd", cfg.Runcmd); err != nil {
		return err
	}
	return os.WriteFile(h.path(bootFinished), nil, 0o644)
}

// kubernetesVersion is how kubeadm's ClusterConfiguration names the version.
var kubernetesVersion = regexp.MustCompile(`(?m)^kubernetesVersion:\s*(v\d+\.\d+\.\d+\S*)`)

func (h *host) keepUserData(raw []byte, cfg *userdata.Config) error {
	for _, f := range cfg.WriteFiles {
		if m := kubernetesVersion.FindStringSubmatch(f.Content); m != nil {
			h.mu.Lock()
			h.requested = m[1]
			h.mu.Unlock()
		}
	}
	dir := h.path(filepath.Dir(bootFinished))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "user-data.txt"), raw, 0o600)
}

func (h *host) writeFile(f userdata.File) error {
	content, err := f.Decode()
	if err != nil {
		return err
	}
	mode, err := f.Mode()
	if err != nil {
		return err
	}
	if owner, _, _ := strings.Cut(f.Owner, ":"); owner != "" && owner != "root" {
		// The sandbox has one user only.
		h.log.Info("Writing a file as root instead of its owner", "path", f.Path, "owner", f.Owner)
	}
	path := h.path(f.Path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if f.Append {
		flags = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	file, err := os.OpenFile(path, flags, fs.FileMode(mode))
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close(), os.Chmod(path, fs.FileMode(mode)))
}

func (h *host) runScript(ctx context.Context, name string, commands []userdata.Command) error {
	if len(commands) == 0 {
		return nil
	}
	path := "/var/lib/cloud/instance/" + name
	if err := os.WriteFile(h.path(path), []byte(userdata.Script(commands)), 0o700); err != nil {
		return err
	}
	p, err := h.start("cloud-init-"+name, "/bin/sh", []string{path})
	if err != nil {
		return err
	}
	if err := p.Wait(ctx); err != nil {
		return fmt.Errorf("%s: %w; end of %s:\n%s", name, err, p.Log(), p.LogTail(15))
	}
	return nil
}
