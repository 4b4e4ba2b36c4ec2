package lab

import "github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"

// Enter puts the program into a sandbox; see [sandbox.Enter]. Everything but
// [StartAPIServer] needs it.
func Enter() { sandbox.Enter() }
