// Command cluster is a real etcd and a real kube-apiserver on loopback, for the tests of kwlab.
//
// It prints one line of JSON when it is ready, then obeys one command a line on standard input,
// each answered by one line. It ends, with all that it started, when standard input closes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == apiServerWord {
		os.Exit(serveAPI(os.Args[2:]))
	}
	namespace := flag.String("namespace", "lab", "the namespace that the restricted user may read")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "cluster [--namespace NAME] [-- FLAGS OF KUBE-APISERVER]")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *namespace, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, namespace string, flags []string) error {
	folder, err := os.MkdirTemp("", "kwlab-rig-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	store, err := startEtcd(folder)
	if err != nil {
		return err
	}
	defer store.Close()
	who, err := newCredentials(folder)
	if err != nil {
		return err
	}
	api, err := newAPIServer(folder, store.url, flags)
	if err != nil {
		return err
	}
	defer api.close()
	if err := api.start(ctx, nil); err != nil {
		return err
	}
	admin, err := who.client(api.url)
	if err != nil {
		return err
	}
	guest, err := furnish(ctx, admin, namespace)
	if err != nil {
		return err
	}
	version, err := admin.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	kubeconfig, err := who.writeKubeconfig(api.url, namespace)
	if err != nil {
		return err
	}
	say(ready{
		Kubeconfig: kubeconfig,
		URL:        api.url,
		Authority:  who.authority,
		Tokens:     who.tokens,
		Namespace:  namespace,
		Version:    version.GitVersion,
		Folder:     folder,
		PIDs:       map[string]int{"cluster": os.Getpid(), "kube-apiserver": api.pid()},
	})
	return obey(ctx, commands{api: api, store: store, credentials: who, guest: guest})
}
