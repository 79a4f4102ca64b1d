package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/go-jose/go-jose.v2/jwt"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/serviceaccount"
)

const (
	adminUser      = "admin"
	viewerUser     = "viewer"
	tokenFile      = "tokens.csv"
	serviceKeyFile = "service-account.pem"
	// kube-apiserver signs it itself, and keeps it over a restart.
	servingCertFile = "apiserver.crt"
)

type credentials struct {
	folder    string
	authority string
	tokens    map[string]string
	key       *ecdsa.PrivateKey
}

func newCredentials(folder string) (*credentials, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})
	if err := os.WriteFile(filepath.Join(folder, serviceKeyFile), block, 0o600); err != nil {
		return nil, err
	}
	tokens := map[string]string{adminUser: rand.Text(), viewerUser: rand.Text()}
	lines := []string{
		fmt.Sprintf("%s,%s,%s,system:masters", tokens[adminUser], adminUser, adminUser),
		fmt.Sprintf("%s,%s,%s", tokens[viewerUser], viewerUser, viewerUser),
	}
	text := strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(folder, tokenFile), []byte(text), 0o600); err != nil {
		return nil, err
	}
	return &credentials{folder, filepath.Join(folder, servingCertFile), tokens, key}, nil
}

// client is the administrator's.
func (c *credentials) client(url string) (*kubernetes.Clientset, error) {
	return kubernetes.NewForConfig(&rest.Config{
		Host:            url,
		BearerToken:     c.tokens[adminUser],
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.authority},
	})
}

// writeKubeconfig writes a context for each user, under the user's name.
func (c *credentials) writeKubeconfig(url, namespace string) (string, error) {
	config := api.NewConfig()
	config.Clusters["rig"] = &api.Cluster{Server: url, CertificateAuthority: c.authority}
	for user, token := range c.tokens {
		config.AuthInfos[user] = &api.AuthInfo{Token: token}
		config.Contexts[user] = &api.Context{Cluster: "rig", AuthInfo: user, Namespace: namespace}
	}
	config.CurrentContext = adminUser
	path := filepath.Join(c.folder, "kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}

// lend makes a token of a service account that is refused after so many seconds, or ten more: so
// long the API server remembers that it was good. It makes none itself for less than ten minutes.
func (c *credentials) lend(ctx context.Context, guest *corev1.ServiceAccount, seconds int64) (string, error) {
	account := core.ServiceAccount{}
	account.Namespace, account.Name, account.UID = guest.Namespace, guest.Name, guest.UID
	// What has expired is forgiven for a minute.
	seconds -= int64(jwt.DefaultLeeway.Seconds())
	public, private, err := serviceaccount.Claims(
		account, nil, nil, nil, nil, nil, seconds, 0, []string{serviceIssuer}, nil)
	if err != nil {
		return "", err
	}
	generator, err := serviceaccount.JWTTokenGenerator(serviceIssuer, c.key)
	if err != nil {
		return "", err
	}
	return generator.GenerateToken(ctx, public, private)
}
