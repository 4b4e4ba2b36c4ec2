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
	"net/http"
	"slices"
)

func userJSON(u *user) obj {
	return obj{
		"username": u.name, "email": u.email, "is_superuser": u.admin, "is_local": true,
		"resource_uri": apiRoot + "users/" + u.name + "/",
	}
}

var userRoutes = []route{
	{"users/", http.MethodGet, "", "users.list", users, listUsers},
	{"users/", http.MethodGet, "whoami", "users.whoami", users, whoami},
	{"users/", http.MethodPost, "", "users.create", admins, createUser},
	{"users/*/", http.MethodGet, "", "user.read", users, readUser},
	{"users/*/", http.MethodDelete, "", "user.delete", admins, deleteUser},
	{"account/", http.MethodGet, "list_authorisation_tokens", "account.list_tokens", users, listTokens},
	{"account/", http.MethodPost, "create_authorisation_token", "account.create_token", users, createToken},
	{"account/", http.MethodPost, "update_token_name", "account.update_token_name", users, renameToken},
	{"account/", http.MethodPost, "delete_authorisation_token", "account.delete_token", users, deleteToken},
}

func whoami(rq *request) *response { return ok(userJSON(rq.user)) }

func listUsers(rq *request) *response {
	out := []obj{}
	for _, u := range rq.s.users {
		out = append(out, userJSON(u))
	}
	return ok(out)
}

func readUser(rq *request) *response {
	u := rq.s.user(rq.args[0])
	if u == nil {
		return notFound("User")
	}
	return ok(userJSON(u))
}

func createUser(rq *request) *response {
	for _, k := range []string{"username", "email", "password", "is_superuser"} {
		if !rq.has(k) {
			return badRequest("No provided " + k + "!")
		}
	}
	if rq.s.user(rq.get("username")) != nil {
		return conflictPage()
	}
	u := rq.s.ensureUser(rq.get("username"), rq.get("is_superuser") == "1" || rq.get("is_superuser") == "true")
	u.email = rq.get("email")
	return ok(userJSON(u))
}

// conflictPage is what MAAS answers when it has tried a transaction in vain
// several times.
func conflictPage() *response {
	r := conflict(`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
  <head>
    <title>Error: Conflict Error</title>
  </head>
  <body>
    <h2 class="p-heading--four">
      Conflict error. Try your request again, as it will most likely succeed.
    </h2>
  </body>
</html>
`)
	r.header["Content-Type"] = "text/html; charset=utf-8"
	return r
}

func deleteUser(rq *request) *response {
	s := rq.s
	u := s.user(rq.args[0])
	if u == nil {
		return empty(http.StatusNoContent)
	}
	if u == rq.user {
		return badRequest("An administrator cannot self-delete.")
	}
	s.auth.remove(func(t *token) bool { return t.user == u })
	s.users = slices.DeleteFunc(s.users, func(o *user) bool { return o == u })
	return empty(http.StatusNoContent)
}

func listTokens(rq *request) *response {
	out := []obj{}
	for _, t := range rq.s.auth.of(rq.user) {
		out = append(out, obj{"name": t.name, "token": t.String()})
	}
	return ok(out)
}

func createToken(rq *request) *response {
	t := rq.s.auth.add(newToken(rq.user, orString(rq.get("name"), "MAAS consumer")))
	return ok(obj{"token_key": t.key, "token_secret": t.secret, "consumer_key": t.consumer, "name": t.name})
}

func renameToken(rq *request) *response {
	for _, t := range rq.s.auth.of(rq.user) {
		if t.key == rq.get("token") {
			t.name = rq.get("name")
			return textResponse(http.StatusAccepted, "Accepted")
		}
	}
	return notFound("Token")
}

func deleteToken(rq *request) *response {
	key := rq.get("token_key")
	if key == "" {
		return badRequest("No provided token_key!")
	}
	if rq.s.auth.remove(func(t *token) bool { return t.user == rq.user && t.key == key }) == 0 {
		return notFound("Token")
	}
	return empty(http.StatusNoContent)
}
