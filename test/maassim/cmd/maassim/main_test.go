package main

import (
	"context"
	"testing"
	"time"
)

func TestRunStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-listen", "127.0.0.1:0", "-machines", "20", "-speed", "60"}) }()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("run returned %v, want nil", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("run did not return after its context ended")
	}
}
