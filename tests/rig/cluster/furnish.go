package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const guestAccount = "guest"

// furnish makes the namespace, and lets the restricted user and the guest, a service account,
// read pods and configmaps there and nothing else.
func furnish(ctx context.Context, admin kubernetes.Interface, namespace string) (*corev1.ServiceAccount, error) {
	create := metav1.CreateOptions{}
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := admin.CoreV1().Namespaces().Create(ctx, space, create); err != nil {
		return nil, err
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: guestAccount}}
	guest, err := admin.CoreV1().ServiceAccounts(namespace).Create(ctx, account, create)
	if err != nil {
		return nil, err
	}
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: viewerUser},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{""},
			Resources: []string{"pods", "configmaps"},
			Verbs:     []string{"get", "list", "watch"},
		}},
	}
	if _, err := admin.RbacV1().Roles(namespace).Create(ctx, role, create); err != nil {
		return nil, err
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: viewerUser},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: viewerUser},
		Subjects: []rbacv1.Subject{
			{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: viewerUser},
			{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: guestAccount},
		},
	}
	_, err = admin.RbacV1().RoleBindings(namespace).Create(ctx, binding, create)
	return guest, err
}
