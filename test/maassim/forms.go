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

package maassim

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

const required = "This field is required."

// formErrors are what MAAS finds wrong with the parameters of a call, by
// parameter.
type formErrors map[string][]string

func (e formErrors) add(field, message string) { e[field] = append(e[field], message) }

// response is nil when nothing is wrong.
func (e formErrors) response() *response {
	if len(e) == 0 {
		return nil
	}
	return jsonResponse(http.StatusBadRequest, e)
}

// address reads an IP address into to, which keeps its value when there is no
// such parameter. It is missing when there is neither.
func (e formErrors) address(rq *request, field string, to *netip.Addr) {
	if v := rq.get(field); v != "" {
		a, err := netip.ParseAddr(v)
		if err != nil {
			e.add(field, "Enter a valid IPv4 or IPv6 address.")
			return
		}
		*to = a
	}
	if !to.IsValid() {
		e.add(field, required)
	}
}

// number reads an integer of at least least, and tells whether there is one.
func (e formErrors) number(rq *request, field string, least int) (int, bool) {
	v := rq.get(field)
	if v == "" {
		return 0, false
	}
	n, err := strconv.Atoi(v)
	switch {
	case err != nil:
		e.add(field, "Enter a whole number.")
		return 0, false
	case n < least:
		e.add(field, fmt.Sprintf("Ensure this value is greater than or equal to %d.", least))
		return 0, false
	}
	return n, true
}

// choice reads one of the given values, and tells whether there is one.
func (e formErrors) choice(rq *request, field string, choices ...string) (string, bool) {
	v := rq.get(field)
	if v == "" {
		return "", false
	}
	for _, c := range choices {
		if v == c {
			return v, true
		}
	}
	e.add(field, invalidChoice(v, field, choices))
	return "", false
}

func invalidChoice(v, field string, choices []string) string {
	return fmt.Sprintf("'%s' is not a valid %s.  It should be one of: '%s'.", v, field, strings.Join(choices, "', '"))
}

func isTrue(v string) bool {
	switch strings.ToLower(v) {
	case "true", "1", "on", "yes":
		return true
	}
	return false
}
