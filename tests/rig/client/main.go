// Command client runs client-go's own RetryWatcher or informer, for the tests of kwlab, with a
// watch function that passes its options on or one that throws them away. It prints what was asked
// and what was delivered, one line of JSON each.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

type settings struct {
	kubeconfig, context, url string
	resource                 string
	resourceVersion          string
	runFor                   time.Duration
	watch                    watchSettings
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	kind, chosen, err := read(args)
	if err != nil {
		return err
	}
	config, err := chosen.config()
	if err != nil {
		return err
	}
	config.Wrap(printRequests)
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	resource := client.Resource(chosen.groupVersionResource())
	var space dynamic.ResourceInterface = resource
	if chosen.watch.namespace != "" {
		space = resource.Namespace(chosen.watch.namespace)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if chosen.runFor > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, chosen.runFor)
		defer cancel()
	}
	if kind == "informer" {
		return runInformer(ctx, client, space, chosen.watch)
	}
	return runRetryWatcher(ctx, space, chosen.watch, chosen.resourceVersion)
}

func read(args []string) (kind string, chosen settings, err error) {
	if len(args) == 0 || (args[0] != "retrywatcher" && args[0] != "informer") {
		return "", chosen, fmt.Errorf("expected retrywatcher or informer, and then flags; -help lists them")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&chosen.kubeconfig, "kubeconfig", "", "default: $KUBECONFIG")
	flags.StringVar(&chosen.context, "context", "", "a context of the kubeconfig; default: its current one")
	flags.StringVar(&chosen.url, "url", "", "of the server, in place of a kubeconfig")
	flags.StringVar(&chosen.resource, "resource", "pods", "such as pods or deployments.v1.apps")
	flags.StringVar(&chosen.resourceVersion, "resource-version", "", "where the RetryWatcher starts; default: what a list says")
	flags.StringVar(&chosen.watch.namespace, "namespace", "", "default: all")
	flags.StringVar(&chosen.watch.selector, "selector", "", "of labels")
	flags.Int64Var(&chosen.watch.timeoutSeconds, "timeout-seconds", 0, "of each watch; default: what client-go asks")
	name := flags.String("function", "correct", "correct passes its options on, wrong throws them away")
	seconds := flags.Float64("for", 0, "so many seconds; default: until a signal")
	if err := flags.Parse(args[1:]); err != nil {
		return "", chosen, err
	}
	chosen.runFor = time.Duration(*seconds * float64(time.Second))
	if *name != "correct" && *name != "wrong" {
		return "", chosen, fmt.Errorf("--function is correct or wrong, got %q", *name)
	}
	chosen.watch.isWrong = *name == "wrong"
	return args[0], chosen, nil
}

func (s settings) config() (*rest.Config, error) {
	if s.url != "" {
		return &rest.Config{Host: s.url}, nil
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = s.kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: s.context}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
}

func (s settings) groupVersionResource() schema.GroupVersionResource {
	if found, _ := schema.ParseResourceArg(s.resource); found != nil {
		return *found
	}
	return schema.GroupVersionResource{Version: "v1", Resource: s.resource}
}
