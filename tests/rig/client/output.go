package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// line is what is printed. What is request, response, list, event, synced or end.
type line struct {
	What string `json:"what"`
	// At is in seconds since 1970.
	At float64 `json:"at"`

	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	Query  string `json:"query,omitempty"`
	Status int    `json:"status,omitempty"`

	Items     int    `json:"items,omitempty"`
	Type      string `json:"type,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	UID       string `json:"uid,omitempty"`

	ResourceVersion string `json:"resourceVersion,omitempty"`
	IsInitial       bool   `json:"isInitial,omitempty"`
	// IsInferred: the informer did not see the deletion, but a list without the object.
	IsInferred bool `json:"isInferred,omitempty"`

	// Code and Reason are those of an ERROR event.
	Code   int32  `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
}

var printing sync.Mutex

func say(said line) {
	printing.Lock()
	defer printing.Unlock()
	said.At = float64(time.Now().UnixMicro()) / 1e6
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// sayEnd says why it is over: the time is up, a signal came, or client-go itself gave up.
func sayEnd(ctx context.Context) {
	reason := "gave up"
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		reason = "time"
	case ctx.Err() != nil:
		reason = "signal"
	}
	say(line{What: "end", Reason: reason})
}

func described(kind string, object any) line {
	said := line{What: "event", Type: kind}
	switch value := object.(type) {
	case *metav1.Status:
		said.Code, said.Reason = value.Code, string(value.Reason)
	case *unstructured.Unstructured:
		said.Namespace, said.Name = value.GetNamespace(), value.GetName()
		said.UID, said.ResourceVersion = string(value.GetUID()), value.GetResourceVersion()
	default:
		said.Error = fmt.Sprintf("unexpected %T", object)
	}
	return said
}

type printingTransport struct{ next http.RoundTripper }

func printRequests(next http.RoundTripper) http.RoundTripper { return printingTransport{next} }

func (t printingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	asked := line{What: "request", Method: request.Method, Path: request.URL.Path, Query: request.URL.RawQuery}
	say(asked)
	response, err := t.next.RoundTrip(request)
	asked.What = "response"
	if err != nil {
		asked.Error = err.Error()
	} else {
		asked.Status = response.StatusCode
	}
	say(asked)
	return response, err
}
