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
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

const (
	redacted   = "[redacted]"
	maxMessage = 300
	// minScrubbed spares words that a shorter part of a key could be; MAAS's have 18 characters and more.
	minScrubbed = 4

	unknownEndpoint = "Unknown API endpoint"
	unknownOp       = "Unrecognised signature"
	nonceUsed       = "Nonce already used"
	noMatch         = "matches the given query"
	hashHeader      = "X-Maas-Api-Hash"
	addressTaken    = "already in use"
	noAddressLeft   = "No more IPs available"
)

// failure makes the typed error of an attempt, nil when it succeeded.
func (x *exchange) failure() error {
	if x.err == nil && x.status >= 200 && x.status <= 299 {
		return nil
	}
	e := &maas.Error{Op: x.request.name(), StatusCode: x.status}
	if x.err != nil {
		e.Kind, e.Err = kindOfError(x.err), x.err
		// With a cause of its own, a cancelled context shows that cause in place of the cancellation.
		if ctxErr := x.ctx.Err(); ctxErr != nil && !errors.Is(x.err, ctxErr) {
			e.Err = fmt.Errorf("%w: %w", ctxErr, x.err)
		}
		e.Message = x.client.shorten(e.Err.Error())
		return e
	}
	text := bodyText(x.header.Get("Content-Type"), x.body)
	e.Kind = x.kindOfStatus(text)
	e.Message = x.client.shorten(explain(e.Kind, x, text))
	return e
}

// kindOfError sorts failures without a usable answer.
func kindOfError(err error) maas.ErrorKind {
	if errors.Is(err, errThrottled) {
		return maas.Throttled
	}
	if isTLS(err) {
		return maas.Untrusted
	}
	return maas.Unavailable
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	return errors.Is(err, http.ErrSchemeMismatch)
}

// kindOfStatus sorts refusals. Only what MAAS itself says is believed: a proxy's 404 must not pass for a machine that
// has gone, nor its 400 for a refused argument.
func (x *exchange) kindOfStatus(text string) maas.ErrorKind {
	switch x.status {
	case http.StatusBadRequest:
		return x.kindOfBadRequest(text)
	case http.StatusUnauthorized:
		if strings.Contains(text, nonceUsed) { // a connection died and net/http sent the very same request again
			return maas.Unavailable
		}
		return maas.Unauthorized
	case http.StatusForbidden:
		if !x.fromMAAS() {
			return maas.Unavailable
		}
		return maas.Forbidden
	case http.StatusNotFound:
		return x.kindOfNotFound(text)
	case http.StatusConflict:
		if x.retryAfter > 0 { // MAAS's database gave the transaction up; the machine's state has nothing to do with it
			return maas.Throttled
		}
		return maas.Conflict
	case http.StatusTooManyRequests:
		return maas.Throttled
	case http.StatusRequestTimeout:
		return maas.Unavailable
	}
	switch {
	case x.status == http.StatusServiceUnavailable && strings.HasPrefix(text, noAddressLeft):
		return maas.Exhausted
	case x.status >= 400 && x.status < 500:
		return maas.Invalid
	}
	return maas.Unavailable
}

func (x *exchange) kindOfBadRequest(text string) maas.ErrorKind {
	switch {
	case strings.HasPrefix(text, unknownOp): // MAAS's answer to most calls without credentials
		return maas.Unauthorized
	case !x.fromMAAS():
		return maas.Unavailable
	}
	return maas.Invalid
}

// kindOfNotFound believes in a missing object only when MAAS looked for it.
func (x *exchange) kindOfNotFound(text string) maas.ErrorKind {
	switch {
	case strings.HasPrefix(text, unknownEndpoint):
		return maas.Unavailable
	case x.fromMAAS() && strings.Contains(text, addressTaken):
		return maas.Conflict
	case strings.Contains(text, noMatch), x.header.Get(hashHeader) != "":
		return maas.NotFound
	case x.fromMAAS() && x.request.method != http.MethodGet:
		return maas.Invalid // what is missing is not what the call was about
	}
	return maas.Unavailable
}

// fromMAAS tells whether a refusal looks like MAAS's own: it speaks JSON or plain text, proxies mostly HTML.
func (x *exchange) fromMAAS() bool {
	ct := x.header.Get("Content-Type")
	return strings.HasPrefix(ct, "application/json") || strings.HasPrefix(ct, "text/plain")
}

// repeatable tells whether to try again: reads only, and only what time may heal.
func (x *exchange) repeatable(failure error) bool {
	if x.request.method != http.MethodGet || x.ctx.Err() != nil || x.retryAfter > maxRetryAfter {
		return false
	}
	switch maas.KindOf(failure) {
	case maas.Throttled:
		return x.retryAfter > 0
	case maas.Unavailable:
		return x.transient()
	case maas.NotFound, maas.Conflict, maas.Exhausted, maas.Invalid, maas.Unauthorized, maas.Forbidden, maas.Untrusted:
		return false
	}
	return false
}

func (x *exchange) transient() bool {
	switch x.status {
	case 0, http.StatusUnauthorized, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	// Of answers of success, those that broke off; what is no JSON will be none the next time.
	return errors.Is(x.err, io.ErrUnexpectedEOF)
}

// code labels the outcome in the metrics.
func (x *exchange) code() string {
	switch {
	case x.err == nil:
		return strconv.Itoa(x.status)
	case errors.Is(x.err, context.Canceled), errors.Is(x.ctx.Err(), context.Canceled):
		return "canceled"
	case errors.Is(x.err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(x.err, errThrottled):
		return "throttled"
	case isTLS(x.err):
		return "untrusted"
	case x.status != 0:
		return "bad_answer"
	}
	return "unreachable"
}

// explain words a refusal for the one who has to mend it.
func explain(kind maas.ErrorKind, x *exchange, text string) string {
	switch {
	case x.status >= 300 && x.status <= 399:
		return fmt.Sprintf("redirected to %s: give MAAS's own address as endpoint", x.header.Get("Location"))
	case strings.HasPrefix(text, unknownOp) && kind == maas.Unauthorized:
		return "MAAS saw no valid credentials (" + text + ")"
	case kind == maas.Unavailable && x.status >= 400 && x.status < 500 && x.status != http.StatusUnauthorized:
		return "not an answer of MAAS's API; is the endpoint right? " + text
	case x.status == http.StatusRequestEntityTooLarge:
		return "the request is too large for MAAS (10 MB by default) " + text
	case strings.Contains(text, "Expired timestamp"):
		return text + "; compare the clocks of MAAS and this host"
	case text == "" && kind == maas.Forbidden:
		return "not permitted: the machine is locked, or the key's user may not do this"
	case text == "":
		return http.StatusText(x.status)
	}
	return text
}

var (
	htmlTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	htmlTag   = regexp.MustCompile(`(?s)<[^>]*>`)
	// baseString is where MAAS, refusing a wrong secret, quotes the right one.
	baseString = regexp.MustCompile(`(?i)(base string:?)\s*[^\s'"]*`)
)

// bodyText makes one line of a refusal: form errors as "field: message", HTML without its marks.
func bodyText(contentType string, body []byte) string {
	if strings.HasPrefix(contentType, "application/json") {
		if text, ok := formErrors(body); ok {
			return text
		}
	}
	s := strings.ToValidUTF8(string(body), "?")
	if strings.HasPrefix(strings.TrimSpace(s), "<") {
		if m := htmlTitle.FindStringSubmatch(s); m != nil {
			s = m[1]
		}
		s = htmlTag.ReplaceAllString(s, " ")
	}
	return strings.Join(strings.Fields(s), " ")
}

func formErrors(body []byte) (string, bool) {
	var fields map[string]any
	if json.Unmarshal(body, &fields) != nil || len(fields) == 0 {
		return "", false
	}
	lines := make([]string, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text := fmt.Sprint(fields[name])
		if list, ok := fields[name].([]any); ok {
			text = strings.TrimSuffix(fmt.Sprintln(list...), "\n")
		}
		if name != "__all__" {
			text = name + ": " + text
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "; "), true
}

// shorten scrubs a message of credentials and cuts it to a length that a condition can carry.
func (c *Client) shorten(s string) string {
	s = c.scrub(s)
	if len(s) <= maxMessage {
		return s
	}
	cut := maxMessage - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// newScrubber gives a function that takes the key and its parts out of a text. A function, unlike a field, shows
// nothing of what it knows however it is printed.
func newScrubber(key string) func(string) string {
	pairs := []string{key, redacted}
	for part := range strings.SplitSeq(key, ":") {
		if len(part) >= minScrubbed {
			pairs = append(pairs, part, redacted)
		}
	}
	r := strings.NewReplacer(pairs...)
	return func(s string) string {
		return r.Replace(baseString.ReplaceAllString(s, "$1 "+redacted))
	}
}
