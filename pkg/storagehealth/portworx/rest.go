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

package portworx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// tokenKey is where Secrets with tokens have them (Portworx's px-user-token and px-admin-token).
const tokenKey = "auth-token"

// maxAnswer bounds the answers that are read as a whole: those about nodes and the cluster.
const maxAnswer = 64 << 20

// errUnreached means that the API server's proxy got no connection. It picks one of the Service's endpoints at random, and those of a node that has gone
// without a word stay among them for a minute or so.
var errUnreached = errors.New("the API server did not reach Portworx")

// maxTries is how often a call is sent that does not get through. Every call here can be made twice.
const maxTries = 3

// errLacksCall means that this version of Portworx does not have the call.
var errLacksCall = errors.New("this version of Portworx does not have the call")

// session speaks with the REST gateway for the time of a probe or a confirmation.
type session struct {
	cluster workload.Cluster
	options *Options
	// secret is the Secret with the token, "" for none; token is what it held.
	secret, token string
}

// call sends a request and decodes its answer, with a new look at the token when it is refused.
func (s *session) call(ctx context.Context, method, path string, body any, decode func(io.Reader) error) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("writing a request: %w", err)
		}
	}
	if s.secret != "" && s.token == "" {
		if err := s.readToken(ctx); err != nil {
			return err
		}
	}
	status, err := s.tries(ctx, method, path, text, decode)
	if !refused(status) || s.secret == "" {
		return err
	}
	before := s.token
	if err := s.readToken(ctx); err != nil {
		return err
	}
	if s.token == before {
		return fmt.Errorf("portworx refuses the token in Secret %s/%s with status %d", s.options.Namespace, s.secret, status)
	}
	_, err = s.tries(ctx, method, path, text, decode)
	return err
}

// tries sends a request until it reaches Portworx.
func (s *session) tries(ctx context.Context, method, path string, text []byte, decode func(io.Reader) error) (status int, err error) {
	for range maxTries {
		if status, err = s.once(ctx, method, path, text, decode); !errors.Is(err, errUnreached) {
			break
		}
	}
	return status, err
}

// once sends a request and decodes its answer. The status is 0 when there was none.
func (s *session) once(ctx context.Context, method, path string, text []byte, decode func(io.Reader) error) (int, error) {
	response, err := s.send(ctx, method, path, text)
	if err != nil {
		return 0, err
	}
	defer drop(response)
	if response.StatusCode != http.StatusOK {
		return response.StatusCode, s.failure(path, response)
	}
	if err := decode(response.Body); err != nil {
		return response.StatusCode, fmt.Errorf("reading the answer to %s: %w", path, err)
	}
	return response.StatusCode, nil
}

func refused(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// drop ends with a response. What is left of a small body is read, so that the connection can be used again.
func drop(response *http.Response) {
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	_ = response.Body.Close()
}

func (s *session) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	header := http.Header{"Accept": {"application/json"}}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	if s.token != "" {
		// The API server's proxy keeps Authorization for itself; the gateway takes what has this prefix as metadata of the call.
		header.Set("Grpc-Metadata-Authorization", "bearer "+s.token)
	}
	service := workload.Service{Namespace: s.options.Namespace, Name: s.options.Service, Port: s.options.Port, Scheme: s.options.Scheme}
	request := workload.Request{Method: method, Path: path, Header: header}
	if body != nil {
		request.Body = bytes.NewReader(body)
	}
	response, err := s.cluster.Call(ctx, service, request)
	if err != nil {
		return nil, fmt.Errorf("asking Portworx for %s: %w", path, err)
	}
	return response, nil
}

// readToken reads the token, which Portworx's operator makes anew before it expires.
func (s *session) readToken(ctx context.Context) error {
	secret := &corev1.Secret{}
	if err := s.cluster.Get(ctx, client.ObjectKey{Namespace: s.options.Namespace, Name: s.secret}, secret); err != nil {
		return fmt.Errorf("getting the token of Portworx, Secret %s/%s (spec.storage.portworx.tokenSecretName): %w", s.options.Namespace, s.secret, err)
	}
	s.token = strings.TrimSpace(string(secret.Data[tokenKey]))
	if s.token == "" || strings.ContainsAny(s.token, "\r\n") {
		s.token = ""
		return fmt.Errorf("secret %s/%s has no token under the key %q (spec.storage.portworx.tokenSecretName)", s.options.Namespace, s.secret, tokenKey)
	}
	return nil
}

// failure words a status other than 200. Portworx says {"error", "message", "code"}, the API server a Status.
func (s *session) failure(path string, response *http.Response) error {
	said := struct {
		Kind    string `json:"kind"`
		Error   string `json:"error"`
		Message string `json:"message"`
	}{}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if json.Unmarshal(text, &said) != nil {
		said.Message = ""
	}
	if said.Message == "" {
		said.Message = said.Error
	}
	fromProxy := said.Kind == "Status"
	missing := response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusNotImplemented
	switch {
	case missing && !fromProxy:
		return fmt.Errorf("%s: %w", path, errLacksCall)
	case fromProxy:
		return fmt.Errorf("%w: Service %s/%s port %s: status %d: %s", errUnreached, s.options.Namespace, s.options.Service, s.options.Port,
			response.StatusCode, said.Message)
	case refused(response.StatusCode):
		return fmt.Errorf("portworx refuses %s with status %d: %s. Its security needs a token (spec.storage.portworx.tokenSecretName)", path,
			response.StatusCode, said.Message)
	}
	return fmt.Errorf("portworx answers %s with status %d: %s", path, response.StatusCode, said.Message)
}

// into decodes one JSON value and makes sure that it is all there is.
func into(v any) func(io.Reader) error {
	return func(r io.Reader) error {
		decoder := json.NewDecoder(io.LimitReader(r, maxAnswer))
		if err := decoder.Decode(v); err != nil {
			return err
		}
		return end(decoder)
	}
}

// discard takes any answer: its status says all there is to know.
func discard(io.Reader) error { return nil }

// end makes sure that nothing follows: an answer that goes on was not understood.
func end(decoder *json.Decoder) error {
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the answer")
	}
	return nil
}
