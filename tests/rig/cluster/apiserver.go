package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const (
	apiServerWord    = "kube-apiserver"
	apiServerSeconds = 60
	pollInterval     = 20 * time.Millisecond
	serviceIssuer    = "https://kubernetes.default.svc"
)

// serveAPI is the child process: kube-apiserver, which must not outlive whoever started it.
func serveAPI(args []string) int {
	folder, args := args[0], args[1:]
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		// The parent is gone, and could not clean up.
		os.RemoveAll(folder)
		os.Exit(1)
	}()
	command := app.NewAPIServerCommand()
	command.SetArgs(args)
	return cli.Run(command)
}

type apiServer struct {
	folder, etcdURL, url string
	port                 int
	reserved             int
	flags                []string
	running              []*child
	// log is of the one that was started last.
	log string
}

type child struct {
	command *exec.Cmd
	leash   io.Closer
	ended   chan struct{}
}

func newAPIServer(folder, etcdURL string, flags []string) (*apiServer, error) {
	reserved, port, err := reservePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("https://127.0.0.1:%d", port)
	return &apiServer{folder: folder, etcdURL: etcdURL, url: address, port: port, reserved: reserved, flags: flags}, nil
}

// reservePort binds a port without listening: while the API server is down, connections are
// refused, and no other process is given the port.
func reservePort() (socket, port int, err error) {
	socket, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, err
	}
	if err = unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return 0, 0, err
	}
	if err = unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, 0, err
	}
	name, err := unix.Getsockname(socket)
	if err != nil {
		return 0, 0, err
	}
	return socket, name.(*unix.SockaddrInet4).Port, nil
}

// start starts the API server and waits until it is ready.
func (s *apiServer) start(ctx context.Context, flags []string) error {
	if s.current() != nil {
		return errors.New("kube-apiserver is running: kill or terminate it first")
	}
	s.log = filepath.Join(s.folder, fmt.Sprintf("kube-apiserver-%d.log", len(s.running)))
	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(self, append(s.arguments(), append(s.flags, flags...)...)...)
	command.Stdout, command.Stderr = log, log
	leash, err := command.StdinPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	started := &child{command, leash, make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(started.ended)
	}()
	s.running = append(s.running, started)
	return s.waitUntilReady(ctx, started)
}

func (s *apiServer) arguments() []string {
	key := filepath.Join(s.folder, serviceKeyFile)
	return []string{
		apiServerWord, s.folder,
		"--etcd-servers=" + s.etcdURL,
		"--secure-port=" + strconv.Itoa(s.port),
		"--permit-port-sharing",
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--cert-dir=" + s.folder,
		"--token-auth-file=" + filepath.Join(s.folder, tokenFile),
		"--service-account-issuer=" + serviceIssuer,
		"--service-account-key-file=" + key,
		"--service-account-signing-key-file=" + key,
		"--authorization-mode=RBAC",
		// Nothing here makes the service accounts that pods would need.
		"--disable-admission-plugins=ServiceAccount",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--endpoint-reconciler-type=none",
	}
}

func (s *apiServer) waitUntilReady(ctx context.Context, started *child) error {
	// Only /readyz is asked, and whether it is really ours shows when the kubeconfig is used.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	late := time.After(apiServerSeconds * time.Second)
	for {
		if answer, err := client.Get(s.url + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-started.ended:
			return fmt.Errorf("kube-apiserver ended before it was ready: %s", s.lastWords())
		case <-late:
			return fmt.Errorf("kube-apiserver was not ready after %d s: %s", apiServerSeconds, s.lastWords())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollInterval):
		}
	}
}

// kill ends the API server at once, as a crash does.
func (s *apiServer) kill() error {
	current := s.current()
	if current == nil {
		return errors.New("kube-apiserver is not running")
	}
	current.end()
	return nil
}

// terminate asks the API server to end, and returns when it takes no new connection: the open
// ones run to their own end.
func (s *apiServer) terminate(ctx context.Context) error {
	current := s.current()
	if current == nil {
		return errors.New("kube-apiserver is not running")
	}
	if err := current.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	late := time.After(apiServerSeconds * time.Second)
	for s.listens() {
		select {
		case <-late:
			return fmt.Errorf("kube-apiserver took connections %d s after SIGTERM", apiServerSeconds)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollInterval):
		}
	}
	return nil
}

func (s *apiServer) listens() bool {
	connection, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
	if err == nil {
		connection.Close()
	}
	return err == nil
}

// current gives the API server that takes connections; one that was terminated does not.
func (s *apiServer) current() *child {
	if len(s.running) == 0 || !s.listens() {
		return nil
	}
	return s.running[len(s.running)-1]
}

func (s *apiServer) pid() int {
	return s.running[len(s.running)-1].command.Process.Pid
}

func (s *apiServer) close() {
	for _, one := range s.running {
		one.end()
	}
	unix.Close(s.reserved)
}

func (c *child) end() {
	_ = c.command.Process.Kill()
	<-c.ended
	c.leash.Close()
}

func (s *apiServer) lastWords() string {
	const enough = 2000
	text, _ := os.ReadFile(s.log)
	return string(text[max(0, len(text)-enough):])
}
