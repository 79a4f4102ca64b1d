package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"k8s.io/apiserver/pkg/storage/etcd3"
)

const etcdSeconds = 30

// compactRevisionKey is where every API server looks for what was compacted
// (k8s.io/apiserver 0.37.2, pkg/storage/etcd3/compact.go).
const compactRevisionKey = "compact_rev_key"

type etcd struct {
	*embed.Etcd
	client *clientv3.Client
	url    string
}

func startEtcd(folder string) (*etcd, error) {
	// The kernel chooses the ports, so two rigs never meet.
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config := embed.NewConfig()
	config.Dir = filepath.Join(folder, "etcd")
	config.ListenClientUrls, config.AdvertiseClientUrls = anyPort, anyPort
	config.ListenPeerUrls, config.AdvertisePeerUrls = anyPort, anyPort
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.LogOutputs = []string{filepath.Join(folder, "etcd.log")}
	// The data ends with the process, and each write would wait for the disk.
	config.UnsafeNoFsync = true
	server, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("etcd did not start: %w", err)
	}
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		return nil, fmt.Errorf("etcd ended: %w", err)
	case <-time.After(etcdSeconds * time.Second):
		server.Close()
		return nil, fmt.Errorf("etcd was not ready after %d s", etcdSeconds)
	}
	return &etcd{server, v3client.New(server.Server), "http://" + server.Clients[0].Addr().String()}, nil
}

// compact forgets what was before the current revision, and tells the API server as its own
// compactor would. The API server's cache looks every 15 s.
func (e *etcd) compact(ctx context.Context) (int64, error) {
	found, err := e.client.Get(ctx, compactRevisionKey)
	if err != nil {
		return 0, err
	}
	version := int64(0)
	if len(found.Kvs) > 0 {
		version = found.Kvs[0].Version
	}
	revision := found.Header.Revision
	_, _, compacted, err := etcd3.Compact(ctx, e.client, version, revision)
	if err != nil {
		return 0, err
	}
	if compacted != revision {
		return 0, fmt.Errorf("another compactor was faster, and compacted %s", strconv.FormatInt(compacted, 10))
	}
	return revision, nil
}

func (e *etcd) Close() {
	e.client.Close()
	e.Etcd.Close()
	os.RemoveAll(e.Config().Dir)
}
