package main

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

type watchSettings struct {
	namespace, selector string
	timeoutSeconds      int64
	isWrong             bool
}

// options is what a watch function makes of what it was handed; the wrong one throws it away.
func (w watchSettings) options(options metav1.ListOptions) metav1.ListOptions {
	if w.isWrong {
		options = metav1.ListOptions{}
	}
	options.LabelSelector = w.selector
	if w.timeoutSeconds != 0 {
		options.TimeoutSeconds = &w.timeoutSeconds
	}
	return options
}

func (w watchSettings) listWatch(space dynamic.ResourceInterface) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector = w.selector
			return space.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return space.Watch(ctx, w.options(options))
		},
	}
}

func runRetryWatcher(ctx context.Context, space dynamic.ResourceInterface, how watchSettings, version string) error {
	if version == "" {
		list, err := space.List(ctx, metav1.ListOptions{LabelSelector: how.selector})
		if err != nil {
			return err
		}
		version = list.GetResourceVersion()
		say(line{What: "list", Items: len(list.Items), ResourceVersion: version})
	}
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, version, how.listWatch(space))
	if err != nil {
		return err
	}
	for event := range watcher.ResultChan() {
		say(described(string(event.Type), event.Object))
	}
	<-watcher.Done()
	sayEnd(ctx)
	return nil
}

func runInformer(ctx context.Context, client dynamic.Interface, space dynamic.ResourceInterface, how watchSettings) error {
	lister := cache.ToListWatcherWithWatchListSemantics(how.listWatch(space), client)
	informer := cache.NewSharedIndexInformer(lister, &unstructured.Unstructured{}, 0, nil)
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(object any, isInInitialList bool) {
			said := described("ADDED", object)
			said.IsInitial = isInInitialList
			say(said)
		},
		UpdateFunc: func(_, object any) { say(described("MODIFIED", object)) },
		DeleteFunc: func(object any) {
			unknown, isUnknown := object.(cache.DeletedFinalStateUnknown)
			if isUnknown {
				object = unknown.Obj
			}
			said := described("DELETED", object)
			said.IsInferred = isUnknown
			say(said)
		},
	})
	if err != nil {
		return err
	}
	go func() {
		if cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
			say(line{What: "synced", ResourceVersion: informer.LastSyncResourceVersion()})
		}
	}()
	informer.RunWithContext(ctx)
	sayEnd(ctx)
	return nil
}
