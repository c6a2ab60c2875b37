package koodrive

// #include <koodrive.h>
import "C"

import (
	"context"
	"iter"
	"log/slog"
	"runtime"
)

// A Device is a device of a user. What the service does not say of it is empty.
type Device struct {
	ID string
	// Name is what its user called it, such as "Magic v3".
	Name string
	// OS is its operating system.
	OS string
	// MachineCode is that under which it was bound.
	MachineCode string
	// CreatedAt is when it was bound, as the service writes it, such as "2025-09-15T06:14:48.630Z".
	CreatedAt string
}

// A Module is a kind of what is backed up. The service may have others than those that are named here: 1 to 16
// visible ASCII characters.
type Module string

const (
	// ModuleFolders is that of folders.
	ModuleFolders Module = "100"
	// ModuleAlbums is that of albums.
	ModuleAlbums Module = "101"
	// ModuleAddressBooks is that of address books.
	ModuleAddressBooks Module = "102"
)

// A Scope is a scope of a device. What the service does not say of it is empty.
type Scope struct {
	// ID is one that [Plan.Add] accepts.
	ID     string
	Module Module
	// LocalPath is the path on the device that it backs up. It may hold any character but NUL.
	LocalPath string
	// TargetFolderPath is the folder of the drive that it is backed up to.
	TargetFolderPath string
	// CreatedAt is when it was added, as the service writes it.
	CreatedAt string
}

// A ScopeList is scopes of one device of one user, in the service's order. It outlives the client. Any number of
// goroutines may use it at once. A copy of a ScopeList is the same list; the zero value is empty, and no plan
// takes it.
type ScopeList struct {
	*scopeList // Beyond the reach of copies, which would be freed one by one.
}

type scopeList struct {
	handle *C.koodrive_scopes
}

// newScopeList makes a ScopeList the owner of C scopes.
func newScopeList(handle *C.koodrive_scopes) *ScopeList {
	list := &scopeList{handle}
	runtime.AddCleanup(list, func(handle *C.koodrive_scopes) { C.koodrive_scopes_free(handle) }, handle)
	return &ScopeList{list}
}

// use returns the C scopes, which are NULL of nil and of the zero value, and how to end the use.
func (l *ScopeList) use() (handle *C.koodrive_scopes, end func()) {
	if l == nil || l.scopeList == nil {
		return nil, func() {}
	}
	inner := l.scopeList
	return inner.handle, func() { runtime.KeepAlive(inner) }
}

// Len returns how many scopes there are.
func (l *ScopeList) Len() int {
	scopes, end := l.use()
	defer end()
	return int(C.koodrive_scopes_count(scopes))
}

// All goes through all scopes. [slices.Collect] makes a slice of them.
func (l *ScopeList) All() iter.Seq[Scope] {
	return func(yield func(Scope) bool) {
		scopes, end := l.use()
		defer end()
		for index := range C.koodrive_scopes_count(scopes) {
			scope := Scope{
				ID:               C.GoString(C.koodrive_scopes_scope_id(scopes, index)),
				Module:           Module(C.GoString(C.koodrive_scopes_module_code(scopes, index))),
				LocalPath:        C.GoString(C.koodrive_scopes_local_path(scopes, index)),
				TargetFolderPath: C.GoString(C.koodrive_scopes_target_folder_path(scopes, index)),
				CreatedAt:        C.GoString(C.koodrive_scopes_created_at(scopes, index)),
			}
			if !yield(scope) {
				return
			}
		}
	}
}

// Devices lists the devices of the config's user, in the service's order. Nothing is changed at the service.
// When ctx ends it returns at once, also while a response is awaited.
//
// A list is whole or there is none. The error is an [*Error], with [ErrInvalidArgument], and nothing was sent, if
// an argument breaks its rule or there is no user; with [ErrService] if the service refused the request, and why
// in [Error.ServiceCode]; with [ErrInvalidResponse] if its answer can't be trusted; or with [ErrUnauthorized],
// [ErrUnreachable], [ErrTimedOut], [ErrCancelled] or [ErrInternal]. Of a closed client it is [ErrClosed].
func (c *Client) Devices(ctx context.Context, options ...LoggerOption) ([]Device, error) {
	return c.devices(ctx, nil, options)
}

// DevicesFor lists the devices of this user. The rest is as for [Client.Devices].
func (c *Client) DevicesFor(ctx context.Context, userID string, options ...LoggerOption) ([]Device, error) {
	return c.devices(ctx, &userID, options)
}

func (c *Client) devices(ctx context.Context, userID *string, options []LoggerOption) ([]Device, error) {
	var to *slog.Logger
	for _, option := range options {
		to = option.logger
	}
	user, err := optionalText("user_id", userID)
	if err != nil {
		return nil, err
	}
	var devices *C.koodrive_devices
	err = c.list(ctx, to, func(monitor *C.koodrive_monitor, failure **C.koodrive_error) C.koodrive_status {
		return C.koodrive_client_list_devices(c.handle, user, monitor, &devices, failure)
	})
	if err != nil {
		return nil, err
	}
	defer C.koodrive_devices_free(devices)
	list := make([]Device, C.koodrive_devices_count(devices))
	for i := range list {
		index := C.size_t(i)
		list[i] = Device{
			ID:          C.GoString(C.koodrive_devices_device_id(devices, index)),
			Name:        C.GoString(C.koodrive_devices_name(devices, index)),
			OS:          C.GoString(C.koodrive_devices_os(devices, index)),
			MachineCode: C.GoString(C.koodrive_devices_machine_code(devices, index)),
			CreatedAt:   C.GoString(C.koodrive_devices_created_at(devices, index)),
		}
	}
	return list, nil
}

// A ScopesOption changes how one call that lists scopes works.
type ScopesOption interface {
	ofScopes(*scopesQuery)
}

type scopesQuery struct {
	module *string
	logger *slog.Logger
}

type scopesOption func(*scopesQuery)

func (o scopesOption) ofScopes(q *scopesQuery) { o(q) }

// OfModule lists the scopes of one module only, by one request. Without it those of the modules that are named
// here are listed, by one request each.
func OfModule(module Module) ScopesOption {
	return scopesOption(func(q *scopesQuery) { q.module = (*string)(&module) })
}

// Scopes lists the scopes that a device of the config's user backs up. The device is as for [Plan.Add]. The rest
// is as for [Client.Devices]; the error is also one with [ErrInvalidResponse] if the answer names a scope of
// another module than was asked for.
func (c *Client) Scopes(ctx context.Context, deviceID string, options ...ScopesOption) (*ScopeList, error) {
	return c.scopes(ctx, nil, deviceID, options)
}

// ScopesFor lists the scopes that a device of this user backs up. The rest is as for [Client.Scopes].
func (c *Client) ScopesFor(ctx context.Context, userID, deviceID string, options ...ScopesOption) (*ScopeList, error) {
	return c.scopes(ctx, &userID, deviceID, options)
}

func (c *Client) scopes(ctx context.Context, userID *string, deviceID string, options []ScopesOption) (*ScopeList, error) {
	q := scopesQuery{}
	for _, option := range options {
		option.ofScopes(&q)
	}
	user, err := optionalText("user_id", userID)
	if err != nil {
		return nil, err
	}
	device, err := cText("device_id", deviceID)
	if err != nil {
		return nil, err
	}
	module, err := optionalText("module_code", q.module)
	if err != nil {
		return nil, err
	}
	var scopes *C.koodrive_scopes
	err = c.list(ctx, q.logger, func(monitor *C.koodrive_monitor, failure **C.koodrive_error) C.koodrive_status {
		return C.koodrive_client_list_scopes(c.handle, user, device, module, monitor, &scopes, failure)
	})
	if err != nil {
		return nil, err
	}
	return newScopeList(scopes), nil
}

// list makes one call of the library that lists, which the end of the context cancels.
func (c *Client) list(ctx context.Context, to *slog.Logger,
	call func(*C.koodrive_monitor, **C.koodrive_error) C.koodrive_status) error {
	if err := c.begin(); err != nil {
		return err
	}
	defer c.calls.Done()
	monitor := new(Monitor)
	endLog, err := monitor.use().log(ctx, to)
	if err != nil {
		return err
	}
	defer endLog()
	stop := monitor.follow(ctx)
	defer stop()
	var failure *C.koodrive_error
	status := call(monitor.use().handle, &failure)
	runtime.KeepAlive(monitor)
	return withContext(ctx, toGo(status, &failure))
}
