package koodrive

import (
	"context"
	"log/slog"
	"time"
)

const (
	// How many events wait for a logger that is slow.
	loggedEvents = 10_000
	// How often the logger gets what has happened.
	logInterval = 100 * time.Millisecond
)

// A LoggerOption is an option of every call: see [WithLogger].
type LoggerOption struct {
	logger *slog.Logger
}

func (o LoggerOption) ofDeletion(r *run)       { r.logger = o.logger }
func (o LoggerOption) ofScopes(q *scopesQuery) { q.logger = o.logger }

// WithLogger logs what happens in a call while it goes on, about ten times a second, and all of it before the call
// returns: with the call's context, at [slog.LevelDebug] each [EventRequest] and [EventRetry]; at [slog.LevelInfo]
// [EventClockCorrected], [EventOutageEnded] and kinds that are added later; at [slog.LevelWarn] [EventThrottled],
// [EventOutageBegan], [EventGivenUp] and [EventStopping]. A record's message is [Event.Message]; its attributes are
// the event's kind, user_id, device_id, first_scope_id, scope_count, request_id, http_status, elapsed, duration,
// attempt and rate, without those that it has not. Its time is when it is logged: elapsed says when it happened.
//
// If the logger is slower than the run, 10,000 events wait for it, the oldest go first, and how many went is logged
// at the end, at [slog.LevelWarn]. The handler runs in a goroutine of its own; it must not close the client or use
// the plan, which wait for the call.
//
// A nil logger logs nothing; nor does one that is not enabled for [slog.LevelWarn] when the call begins: then no
// events are kept.
//
// Beside [WithMonitor] the monitor's progress and counts are as ever, and its events go to the logger. A monitor
// that keeps events for [Monitor.NextEvent] is refused with [ErrInvalidArgument]: to have them logged and look at
// them, too, wrap the logger's handler.
func WithLogger(logger *slog.Logger) LoggerOption {
	return LoggerOption{logger}
}

// log logs the events of the run that begins now, until the function that it returns has logged the last one.
func (m *monitor) log(ctx context.Context, to *slog.Logger) (end func(), err error) {
	if to == nil || !to.Enabled(ctx, slog.LevelWarn) {
		return func() {}, nil
	}
	if err := m.keepForLogger(); err != nil {
		return nil, err
	}
	ended, logged := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(logged)
		m.logUntil(ctx, to, ended)
	}()
	return func() {
		close(ended)
		<-logged
		m.leaveLogger()
	}, nil
}

func (m *monitor) keepForLogger() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.keeper {
	case caller:
		return invalid("monitor: it keeps events of its own, which WithLogger would take")
	case logger:
		return invalid("monitor: it watches another run; a monitor serves one run at a time")
	}
	return m.keep(loggedEvents, logger)
}

// leaveLogger keeps no events for later runs.
func (m *monitor) leaveLogger() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keeper = nobody
	_ = m.keep(0, nobody) // Fails if another run has begun, which was told not to share the monitor.
}

func (m *monitor) logUntil(ctx context.Context, to *slog.Logger, ended <-chan struct{}) {
	ticker := time.NewTicker(logInterval)
	defer ticker.Stop()
	for goesOn := true; goesOn; {
		select {
		case <-ended:
			goesOn = false
		case <-ticker.C:
		}
		for event := range m.events() {
			to.LogAttrs(ctx, event.level(), event.Message, event.attributes()...)
		}
	}
	if dropped := m.dropped(); dropped > 0 {
		to.LogAttrs(ctx, slog.LevelWarn, "events were dropped: the logger is slower than the run",
			slog.Int("dropped", dropped))
	}
}

func (e *Event) level() slog.Level {
	switch e.Kind {
	case EventRequest, EventRetry:
		return slog.LevelDebug
	case EventThrottled, EventOutageBegan, EventGivenUp, EventStopping:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

// attributes are what there is of the event but its message.
func (e *Event) attributes() []slog.Attr {
	attributes := []slog.Attr{slog.String("kind", e.Kind.String()), slog.Duration("elapsed", e.Elapsed)}
	for _, text := range []struct{ key, value string }{{"user_id", e.UserID}, {"device_id", e.DeviceID},
		{"first_scope_id", e.FirstScopeID}, {"request_id", e.RequestID}} {
		if text.value != "" {
			attributes = append(attributes, slog.String(text.key, text.value))
		}
	}
	if e.HTTPStatus != 0 {
		attributes = append(attributes, slog.Int("http_status", e.HTTPStatus))
	}
	if e.Kind == EventRequest || e.Duration != 0 {
		attributes = append(attributes, slog.Duration("duration", e.Duration))
	}
	if e.ScopeCount != 0 {
		attributes = append(attributes, slog.Int("scope_count", e.ScopeCount))
	}
	if e.Attempt != 0 {
		attributes = append(attributes, slog.Int("attempt", e.Attempt))
	}
	if e.Rate != 0 {
		attributes = append(attributes, slog.Float64("rate", e.Rate))
	}
	return attributes
}
