package koodrive

// #include <koodrive.h>
import "C"

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
)

// A Client lists and deletes. Any number of goroutines may use it at once. Between calls it keeps idle
// connections and no threads: a connection is not used when it has rested for 15 seconds, and closed by the
// next call or by Close. Close it when it is no longer needed. A copy of a Client is the same client.
type Client struct {
	*client // Beyond the reach of copies, which would be freed one by one.
}

type client struct {
	handle  *C.koodrive_client
	cleanup runtime.Cleanup
	calls   sync.WaitGroup // in progress

	mu     sync.Mutex // guards closed, and freeing
	closed bool
}

// NewClient builds a client. Nothing is connected or sent. The error is an [*Error], with
// [ErrInvalidArgument] if the config lacks an endpoint or an authorization or breaks another rule.
func NewClient(config Config) (*Client, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	settings := C.koodrive_config_new()
	defer C.koodrive_config_free(settings)
	if err := config.fill(settings); err != nil {
		return nil, err
	}
	c := new(client)
	var failure *C.koodrive_error
	if err := toGo(C.koodrive_client_new(settings, &c.handle, &failure), &failure); err != nil {
		return nil, err
	}
	c.cleanup = runtime.AddCleanup(c, func(handle *C.koodrive_client) { C.koodrive_client_free(handle) }, c.handle)
	return &Client{c}, nil
}

// Close waits for the calls in progress, frees the client and closes its connections. Calls that come
// later return [ErrClosed]; closing again does nothing. It always returns nil.
func (c *Client) Close() error {
	if c.client == nil {
		return nil
	}
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.calls.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle != nil {
		c.cleanup.Stop()
		C.koodrive_client_free(c.handle)
		c.handle = nil
	}
	return nil
}

// begin keeps Close waiting until calls.Done.
func (c *Client) begin() error {
	if c.client == nil {
		return ErrClosed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.calls.Add(1)
	return nil
}

// SetAccessToken makes requests from now on carry this token, those of runs under way included.
func (c *Client) SetAccessToken(token string) error {
	return c.set("access_token", token, func(text *C.char, failure **C.koodrive_error) C.koodrive_status {
		return C.koodrive_client_set_access_token(c.handle, text, failure)
	})
}

// SetAuthorization makes requests from now on carry this value of the Authorization header, those of
// runs under way included.
func (c *Client) SetAuthorization(value string) error {
	return c.set("authorization", value, func(text *C.char, failure **C.koodrive_error) C.koodrive_status {
		return C.koodrive_client_set_authorization(c.handle, text, failure)
	})
}

func (c *Client) set(argument, value string, set func(*C.char, **C.koodrive_error) C.koodrive_status) error {
	text, err := cText(argument, value)
	if err != nil {
		return err
	}
	if err := c.begin(); err != nil {
		return err
	}
	defer c.calls.Done()
	var failure *C.koodrive_error
	return toGo(set(text, &failure), &failure)
}

// An Option changes how one call that deletes works.
type Option interface {
	ofDeletion(*run)
}

type run struct {
	monitor *Monitor
	journal *string
	logger  *slog.Logger
}

type deletionOption func(*run)

func (o deletionOption) ofDeletion(r *run) { o(r) }

// newRun is what the options say.
func newRun(options []Option) run {
	r := run{}
	for _, option := range options {
		option.ofDeletion(&r)
	}
	if r.monitor == nil {
		r.monitor = new(Monitor)
	}
	return r
}

// WithMonitor lets other goroutines watch a run, and abandon it.
func WithMonitor(monitor *Monitor) Option {
	return deletionOption(func(r *run) { r.monitor = monitor })
}

// WithJournal writes down in a file what a run does: the same call with the same plan and file takes up a run
// that ended in any way, also by kill or loss of power, and returns the report of the whole plan. Ids with a
// final outcome keep it and are not sent again. The file is made if it is not there; it holds the ids and
// never a secret.
//
// The error is an [*Error] with [ErrInvalidArgument], and nothing was sent, if the file is in use, no journal,
// damaged, or of another plan or endpoint; with [ErrJournal] if it can't be written during the run.
func WithJournal(path string) Option {
	return deletionOption(func(r *run) { r.journal = &path })
}

// DeleteScopes deletes scopes of one device of the config's user: [Plan.Add] and [Client.DeletePlan] in
// one call.
func (c *Client) DeleteScopes(ctx context.Context, deviceID string, scopeIDs []string, options ...Option) (*Report, error) {
	plan := new(Plan)
	if err := plan.Add(deviceID, scopeIDs); err != nil {
		return nil, err
	}
	return c.DeletePlan(ctx, plan, options...)
}

// DeletePlan deletes what a plan holds. It returns when every id has its outcome.
//
// When ctx ends nothing new is sent, and DeletePlan returns when the responses under way are in, for they
// hold the truth: after one [Config.RequestTimeout] at most. [Monitor.Abandon] does not wait for them.
//
// Without an error every id got its outcome from a response that reports success, or repeats an id before
// it; single ids may still have failed, see [Report.Failures]. Otherwise the error is an [*Error] that
// says why the run is incomplete, and the report is there all the same. The report is nil only if the
// call was refused before its run began and nothing was sent: with [ErrInvalidArgument] or [ErrClosed].
func (c *Client) DeletePlan(ctx context.Context, plan *Plan, options ...Option) (*Report, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	defer c.calls.Done()
	ids, err := plan.use()
	if err != nil {
		return nil, err
	}
	r := newRun(options)
	journal, err := optionalText("journal_path", r.journal)
	if err != nil {
		return nil, err
	}
	ids.mu.Lock()
	defer ids.mu.Unlock()
	endLog, err := r.monitor.use().log(ctx, r.logger)
	if err != nil {
		return nil, err
	}
	defer endLog()
	stop := r.monitor.follow(ctx)
	defer stop()

	var status C.koodrive_status
	var result *C.koodrive_result
	var failure *C.koodrive_error
	monitor := r.monitor.use().handle
	if journal == nil {
		status = C.koodrive_client_delete_plan(c.handle, ids.handle, monitor, &result, &failure)
	} else {
		status = C.koodrive_client_delete_plan_journaled(c.handle, ids.handle, journal, monitor, &result, &failure)
	}
	runtime.KeepAlive(ids)
	runtime.KeepAlive(r.monitor)
	return newReport(result), withContext(ctx, toGo(status, &failure))
}
