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

// Package access leads from the credentials that an object names, a Secret or a MaasClusterIdentity, to a session with that MAAS, and
// says in a condition's words what stands in the way.
package access

import (
	"context"
	"fmt"
	"regexp"
	"time"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Keys of a credentials Secret.
const (
	// EndpointKey holds the URL of MAAS, such as https://maas.example:5443/MAAS.
	EndpointKey = "endpoint"
	// APIKeyKey holds the API key, consumer:token:secret.
	APIKeyKey = "apiKey"
	// CAKey holds the PEM certificates of a private CA; optional.
	CAKey = "ca.crt"
)

// Sessions keeps the sessions with every MAAS; *inventory.Registry is one.
type Sessions interface {
	// Session returns the running session of these credentials or starts it. It fails only for credentials that are malformed.
	Session(ctx context.Context, credentials inventory.Credentials) (*inventory.Session, error)
	// Subscribe calls back with what changed in any MAAS, until the returned function is called.
	Subscribe(f func(context.Context, inventory.Change)) (unsubscribe func())
}

// Problem says why there is no session: a reason of MaasAvailableCondition and its message.
type Problem struct {
	Reason, Message string
}

// ProblemRecheck is how often a Problem is looked at again. Secrets are not watched, for that needs the right to read them all, so
// nothing else tells that one was made or mended.
const ProblemRecheck = 15 * time.Second

// queryPattern matches the query of a URL in an error message.
var queryPattern = regexp.MustCompile(`\?[^\s":]*`)

// regionAge is how long what a region says of itself is believed: upgrades of MAAS and changes of a user's role are rare.
const regionAge = 30 * time.Minute

// Check tells how the connection of a session is, nil when all is well.
func Check(session *inventory.Session) *Problem {
	health := session.Snapshot().Health()
	if health.Err == nil {
		if session.Snapshot().Synced() {
			return nil
		}
		return &Problem{infrav1.ConnectingReason, "Taking the first look at MAAS"}
	}
	since := ""
	if !health.Since.IsZero() {
		since = fmt.Sprintf(" (since %s)", health.Since.UTC().Format(time.RFC3339))
	}
	switch maas.KindOf(health.Err) {
	case maas.Unauthorized, maas.Forbidden:
		return &Problem{infrav1.UnauthorizedReason, fmt.Sprintf("MAAS refuses the API key: %s%s. Put a valid one into the Secret", health.Err, since)}
	case maas.Untrusted:
		return &Problem{infrav1.UntrustedReason, fmt.Sprintf("The certificate of MAAS is not trusted: %s%s. Put its CA into key %q of the Secret",
			health.Err, since, CAKey)}
	default:
		return &Problem{infrav1.UnreachableReason, fmt.Sprintf("%s%s. It is tried again", withoutQuery(health.Err), since)}
	}
}

// withoutQuery drops the query from the URL in a network error: with it every poll would have a message of its own.
func withoutQuery(err error) string {
	return queryPattern.ReplaceAllString(err.Error(), "")
}

// Region returns what the MAAS of a session says of itself and of the API key, asking it at most once in half an hour. With an error it returns
// what MAAS said the last time.
func (r *Resolver) Region(ctx context.Context, session *inventory.Session) (infrav1.MaasRegionStatus, error) {
	return r.answersOf(session.Identity()).region.get(ctx, question[infrav1.MaasRegionStatus]{
		clock: r.clock, good: func(_ infrav1.MaasRegionStatus, age time.Duration) bool { return age < regionAge },
		ask: func(ctx context.Context) (infrav1.MaasRegionStatus, error) {
			version, err := session.Version(ctx)
			if err != nil {
				return infrav1.MaasRegionStatus{}, err
			}
			user, err := session.WhoAmI(ctx)
			if err != nil {
				return infrav1.MaasRegionStatus{}, err
			}
			status := infrav1.MaasRegionStatus{Version: version, User: user.Name, Role: infrav1.MaasRoleUser}
			if user.Admin {
				status.Role = infrav1.MaasRoleAdministrator
			}
			return status, nil
		},
	})
}
