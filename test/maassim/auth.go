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
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// timestampThreshold is how old an OAuth timestamp may be.
const timestampThreshold = 300

// user is a MAAS account. Guarded by Server.mu.
type user struct {
	name  string
	email string
	admin bool
}

// token is one API key. Guarded by authStore.mu.
type token struct {
	consumer, key, secret string
	name                  string
	user                  *user
}

func (t *token) String() string { return t.consumer + ":" + t.key + ":" + t.secret }

// authStore has a lock of its own, so that authentication never waits for a
// long answer.
type authStore struct {
	mu     sync.Mutex
	tokens []*token
	byKey  map[string]*token
	nonces map[string]int64
	pruned int64
}

func (a *authStore) init() {
	a.byKey = map[string]*token{}
	a.nonces = map[string]int64{}
}

func (a *authStore) add(t *token) *token {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens = append(a.tokens, t)
	a.byKey[t.key] = t
	return t
}

// remove deletes the tokens that match and tells how many did.
func (a *authStore) remove(match func(*token) bool) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept, n := a.tokens[:0:0], 0
	for _, t := range a.tokens {
		if match(t) {
			delete(a.byKey, t.key)
			n++
			continue
		}
		kept = append(kept, t)
	}
	a.tokens = kept
	return n
}

func (a *authStore) of(u *user) []*token {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []*token
	for _, t := range a.tokens {
		if t.user == u {
			out = append(out, t)
		}
	}
	return out
}

func newToken(u *user, name string) *token {
	s := rand.Text() + rand.Text() + rand.Text()
	return &token{consumer: s[:18], key: s[18:36], secret: s[36:68], name: name, user: u}
}

// AddUser adds a user and returns an API key, consumer:token:secret. For a
// user who is there already it returns one more key.
func (s *Server) AddUser(name string, admin bool) (apiKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.ensureUser(name, admin)
	return s.auth.add(newToken(u, "MAAS consumer")).String()
}

// AddKey gives a user, added when unknown, the given API key. It panics when
// the key does not have three parts: that is a mistake in a test.
func (s *Server) AddKey(name string, admin bool, apiKey string) {
	p := strings.Split(apiKey, ":")
	if len(p) != 3 {
		panic("maassim: an API key is consumer:token:secret")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth.add(&token{consumer: p[0], key: p[1], secret: p[2], name: "MAAS consumer", user: s.ensureUser(name, admin)})
}

// RevokeKey deletes an API key and tells whether it was there.
func (s *Server) RevokeKey(apiKey string) bool {
	return s.auth.remove(func(t *token) bool { return t.String() == apiKey }) > 0
}

// RotateKey deletes every key of the user and returns a new one, "" when there
// is no such user.
func (s *Server) RotateKey(name string) (apiKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.user(name)
	if u == nil {
		return ""
	}
	s.auth.remove(func(t *token) bool { return t.user == u })
	return s.auth.add(newToken(u, "MAAS consumer")).String()
}

// SetAdmin makes a user an administrator or takes that away.
func (s *Server) SetAdmin(name string, admin bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensureUser(name, admin).admin = admin
}

func (s *Server) user(name string) *user {
	for _, u := range s.users {
		if u.name == name {
			return u
		}
	}
	return nil
}

func (s *Server) ensureUser(name string, admin bool) *user {
	if u := s.user(name); u != nil {
		return u
	}
	u := &user{name: name, email: name + "@example.com", admin: admin}
	s.users = append(s.users, u)
	return u
}

// authenticate returns the caller, nil when the request has no OAuth header,
// and a refusal when it has a bad one.
func (a *authStore) authenticate(r *http.Request) (*user, *response) {
	p, ok := oauthParams(r.Header.Get("Authorization"))
	if !ok {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.byKey[p["oauth_token"]]
	switch {
	case !a.knownConsumer(p["oauth_consumer_key"]):
		return nil, unauthorized("Invalid API key.")
	case t == nil || t.consumer != p["oauth_consumer_key"]:
		return nil, unauthorized("'Invalid access token: " + p["oauth_token"] + "'")
	}
	if refused := a.checkFreshness(p); refused != nil {
		return nil, refused
	}
	if p["oauth_signature"] != "&"+t.secret {
		return nil, unauthorized("'Invalid signature. Expected signature base string: &" + t.secret + "'")
	}
	return t.user, nil
}

func (a *authStore) knownConsumer(consumer string) bool {
	for _, t := range a.tokens {
		if t.consumer == consumer {
			return true
		}
	}
	return false
}

// checkFreshness refuses old timestamps and nonces that were used.
func (a *authStore) checkFreshness(p map[string]string) *response {
	now := time.Now().Unix()
	stamp, err := strconv.ParseInt(p["oauth_timestamp"], 10, 64)
	if err != nil {
		return unauthorized("'Invalid timestamp parameter.'")
	}
	if now-stamp > timestampThreshold {
		return unauthorized(fmt.Sprintf(
			"'Expired timestamp: given %d and now %d has a greater difference than threshold %d'",
			stamp, now, timestampThreshold))
	}
	nonce := p["oauth_nonce"]
	if _, used := a.nonces[nonce]; used {
		return unauthorized("'Nonce already used: " + nonce + "'")
	}
	a.nonces[nonce] = max(stamp, now)
	if now-a.pruned > timestampThreshold {
		a.pruned = now
		for n, at := range a.nonces {
			if now-at > timestampThreshold {
				delete(a.nonces, n)
			}
		}
	}
	return nil
}

func unauthorized(why string) *response {
	r := textResponse(http.StatusUnauthorized, "Authorization Error: "+why)
	r.header = map[string]string{"Content-Type": "text/html; charset=utf-8", "WWW-Authenticate": `OAuth realm="OAuth"`}
	return r
}

// oauthParams reads an OAuth Authorization header. A header that lacks what
// OAuth needs counts as none, as it does in MAAS.
func oauthParams(header string) (map[string]string, bool) {
	rest, ok := strings.CutPrefix(header, "OAuth ")
	if !ok {
		return nil, false
	}
	out := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			continue
		}
		v, err := url.PathUnescape(strings.Trim(v, `"`))
		if err != nil {
			return nil, false
		}
		out[k] = v
	}
	for _, need := range []string{"oauth_consumer_key", "oauth_token", "oauth_signature", "oauth_timestamp", "oauth_nonce"} {
		if _, ok := out[need]; !ok {
			return nil, false
		}
	}
	return out, true
}
