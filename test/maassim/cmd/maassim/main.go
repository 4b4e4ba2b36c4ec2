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

// Command maassim serves a simulated MAAS with a rack of servers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "maassim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("maassim", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:5240", "address to serve on")
	machines := fs.Int("machines", 0, "number of machines; 0 serves the recorded rack of twelve")
	speed := fs.Float64("speed", 1, "simulated seconds per real second")
	key := fs.String("api-key", maassim.RecordedUserKey, "API key of the user capi")
	adminKey := fs.String("admin-api-key", maassim.RecordedAdminKey, "API key of the administrator admin")
	verbose := fs.Bool("v", false, "log every call")
	if err := fs.Parse(args); err != nil {
		return err
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	s := maassim.New(maassim.Config{
		Speed:  *speed,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	})
	defer s.Close()
	s.SeedRecordedRack()
	s.AddKey("capi", false, *key)
	s.AddKey("admin", true, *adminKey)
	for i := len(s.Machines()); i < *machines; i++ {
		s.AddMachine(maassim.MachineSpec{Pool: "capi-md", Zone: []string{"default", "az2"}[i%2]})
	}
	return serve(ctx, s, *listen, *key, *adminKey)
}

func serve(ctx context.Context, s *maassim.Server, addr, key, adminKey string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("endpoint http://%s/MAAS\napi-key %s\nadmin-api-key %s\nmachines %d\n", l.Addr(), key, adminKey, len(s.Machines()))
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(grace)
	})
	defer stopped()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
