package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
)

type ready struct {
	Kubeconfig string            `json:"kubeconfig"`
	URL        string            `json:"url"`
	Authority  string            `json:"authority"`
	Tokens     map[string]string `json:"tokens"`
	Namespace  string            `json:"namespace"`
	Version    string            `json:"version"`
	Folder     string            `json:"folder"`
	PIDs       map[string]int    `json:"pids"`
}

type command struct {
	// kill, terminate, start, compact or token.
	Do string `json:"do"`
	// Flags are more flags for kube-apiserver, for start.
	Flags []string `json:"flags"`
	// Seconds is how long a token lives.
	Seconds int64 `json:"seconds"`
}

type answer struct {
	Done     string `json:"done,omitempty"`
	Error    string `json:"error,omitempty"`
	PID      int    `json:"pid,omitempty"`
	Revision int64  `json:"revision,omitempty"`
	Token    string `json:"token,omitempty"`
}

type commands struct {
	api         *apiServer
	store       *etcd
	credentials *credentials
	guest       *corev1.ServiceAccount
}

// obey answers each line until standard input closes or a signal comes.
func obey(ctx context.Context, all commands) error {
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(os.Stdin); scanner.Scan(); {
			lines <- append([]byte(nil), scanner.Bytes()...)
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, open := <-lines:
			if !open {
				return nil
			}
			say(all.answer(ctx, line))
		}
	}
}

func (c commands) answer(ctx context.Context, line []byte) answer {
	var asked command
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{Error: fmt.Sprintf("expected {\"do\": ...}, got %q: %v", line, err)}
	}
	given, err := c.execute(ctx, asked)
	if err != nil {
		return answer{Error: err.Error()}
	}
	given.Done = asked.Do
	return given
}

func (c commands) execute(ctx context.Context, asked command) (given answer, err error) {
	switch asked.Do {
	case "kill":
		err = c.api.kill()
	case "terminate":
		err = c.api.terminate(ctx)
	case "start":
		if err = c.api.start(ctx, asked.Flags); err == nil {
			given.PID = c.api.pid()
		}
	case "compact":
		given.Revision, err = c.store.compact(ctx)
	case "token":
		given.Token, err = c.credentials.lend(ctx, c.guest, asked.Seconds)
	default:
		err = fmt.Errorf("unknown command %q: kill, terminate, start, compact, token", asked.Do)
	}
	return given, err
}

func say(value any) {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
	}
}
