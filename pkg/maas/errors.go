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

package maas

import (
	"errors"
	"fmt"
)

// ErrorKind is the class of a failure, by what the caller can do about it.
type ErrorKind string

const (
	// NotFound means that MAAS has no such object (any more).
	NotFound ErrorKind = "NotFound"
	// Conflict means that the object's state does not allow the act, or that someone else was faster.
	Conflict ErrorKind = "Conflict"
	// Exhausted means that MAAS has nothing left to give, such as addresses of a subnet, until somebody makes room.
	Exhausted ErrorKind = "Exhausted"
	// Invalid means that MAAS refuses an argument: repeating the call will not help.
	Invalid ErrorKind = "Invalid"
	// Unauthorized means that MAAS does not know the API key.
	Unauthorized ErrorKind = "Unauthorized"
	// Forbidden means that MAAS knows the key and refuses it the act, or that the machine is locked.
	Forbidden ErrorKind = "Forbidden"
	// Throttled means that MAAS, or our own limit, asks for patience.
	Throttled ErrorKind = "Throttled"
	// Untrusted means that TLS verification of the MAAS endpoint failed.
	Untrusted ErrorKind = "Untrusted"
	// Unavailable means no answer, a lost one, or a server error: the act may or may not have been carried out.
	Unavailable ErrorKind = "Unavailable"
)

// Error is a refused or failed MAAS call.
type Error struct {
	// Kind tells what to do about it.
	Kind ErrorKind
	// Op names the call, such as "deploy machine 4y3h7n".
	Op string
	// StatusCode is the HTTP status, 0 when there was no answer.
	StatusCode int
	// Message is what MAAS said, shortened and free of credentials.
	Message string
	// Err is the cause where there is one.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	msg := e.Message
	if msg == "" && e.Err != nil {
		msg = e.Err.Error()
	}
	if e.StatusCode != 0 {
		return fmt.Sprintf("%s: MAAS answered %d: %s", e.Op, e.StatusCode, msg)
	}
	return fmt.Sprintf("%s: %s", e.Op, msg)
}

// Unwrap implements errors.Unwrap.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the *Error in err's chain and "" when there is none.
func KindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// IsNotFound tells whether MAAS has no such object.
func IsNotFound(err error) bool { return KindOf(err) == NotFound }

// IsConflict tells whether the object's state did not allow the act.
func IsConflict(err error) bool { return KindOf(err) == Conflict }

// IsAnswer tells whether MAAS answered and refused, so that the act was certainly not carried out.
func IsAnswer(err error) bool {
	switch KindOf(err) {
	case NotFound, Conflict, Exhausted, Invalid, Unauthorized, Forbidden:
		return true
	case Throttled, Untrusted, Unavailable:
		return false
	}
	return false
}
