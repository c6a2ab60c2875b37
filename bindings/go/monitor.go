package koodrive

// #include <koodrive.h>
import "C"

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// A Monitor watches a run from other goroutines while it goes on; hand it to the run with
// [WithMonitor]. The zero value is ready. It serves one run at a time, one after the other: a run resets its
// counts. After a run that was cancelled or abandoned take a new one. A copy of a Monitor that was used is the
// same monitor.
type Monitor struct {
	state atomic.Pointer[monitor]
}

type monitor struct {
	handle *C.koodrive_monitor

	mu     sync.Mutex // guards keeper, and changing it
	keeper keeper
}

// use returns the C monitor. The caller keeps m alive.
func (m *Monitor) use() *monitor {
	if m.state.Load() == nil {
		fresh := &monitor{handle: C.koodrive_monitor_new()}
		runtime.AddCleanup(fresh, func(handle *C.koodrive_monitor) { C.koodrive_monitor_free(handle) }, fresh.handle)
		m.state.CompareAndSwap(nil, fresh)
	}
	return m.state.Load()
}

// Progress returns how many ids of the run have their outcome by now, and how many it has in all.
func (m *Monitor) Progress() (done, total int) {
	defer runtime.KeepAlive(m)
	return int(C.koodrive_monitor_scopes_done(m.use().handle)), int(C.koodrive_monitor_scopes_total(m.use().handle))
}

// Abandon stops the run at once, with [ErrCancelled]: other than the end of its context it does not
// wait for the responses under way. What became of their ids is [Unknown] then.
func (m *Monitor) Abandon() {
	m.cancel()
	m.cancel()
}

// cancel asks the run to stop, the second time without its responses.
func (m *Monitor) cancel() {
	C.koodrive_monitor_cancel(m.use().handle)
	runtime.KeepAlive(m)
}

// follow cancels the run when the context ends. After the function that it returns nothing of it goes
// on.
func (m *Monitor) follow(ctx context.Context) (stop func()) {
	if ctx.Err() != nil {
		m.cancel() // Here, so that nothing is sent.
		return func() {}
	}
	cancelled := make(chan struct{})
	unfollow := context.AfterFunc(ctx, func() {
		defer close(cancelled)
		m.cancel()
	})
	return func() {
		if !unfollow() {
			<-cancelled
		}
	}
}
