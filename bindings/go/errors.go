package koodrive

// #include <koodrive.h>
import "C"

import (
	"context"
	"errors"
	"fmt"
)

// A Status says why a call failed. Each is an error that [errors.Is] finds in what this package
// returns:
//
//	if errors.Is(err, koodrive.ErrUnauthorized) { ... }
//
// A later library may report statuses that are not listed here.
type Status int32

const (
	// ErrInvalidArgument: an argument breaks a rule, which the message names. Nothing was sent.
	ErrInvalidArgument Status = C.KOODRIVE_ERROR_INVALID_ARGUMENT
	// ErrUnauthorized: the service does not accept the authorization (HTTP 401). Set a new token and
	// run [Report.Unfinished].
	ErrUnauthorized Status = C.KOODRIVE_ERROR_UNAUTHORIZED
	// ErrUnreachable: no connection to the service, or it was lost.
	ErrUnreachable Status = C.KOODRIVE_ERROR_UNREACHABLE
	// ErrTimedOut: [Config.RunTimeout] passed, or the last attempt of a request ran into
	// [Config.RequestTimeout].
	ErrTimedOut Status = C.KOODRIVE_ERROR_TIMED_OUT
	// ErrCancelled: the context ended, or [Monitor.Abandon] was called, before all was done.
	ErrCancelled Status = C.KOODRIVE_ERROR_CANCELLED
	// ErrService: the service refused a request as a whole, or failed to carry it out.
	ErrService Status = C.KOODRIVE_ERROR_SERVICE
	// ErrInvalidResponse: what came back can't be understood or trusted as a response of the service.
	ErrInvalidResponse Status = C.KOODRIVE_ERROR_INVALID_RESPONSE
	// ErrInternal: a bug in the library. The outcomes that are reported are true all the same.
	ErrInternal Status = C.KOODRIVE_ERROR_INTERNAL
	// ErrJournal: the journal of [WithJournal] can't be written. Nothing more was sent.
	ErrJournal Status = C.KOODRIVE_ERROR_JOURNAL
)

// String returns the status's name, such as "UNAUTHORIZED".
func (s Status) String() string {
	return C.GoString(C.koodrive_status_name(C.koodrive_status(s)))
}

// Error returns the status's name after that of the package.
func (s Status) Error() string {
	return "koodrive: " + s.String()
}

// ErrClosed is returned by the methods of a closed client.
var ErrClosed = errors.New("koodrive: the client is closed")

// An Error says why a call failed. [errors.As] finds it in what this package returns, [errors.Is]
// finds its Status, and of a call that its context ended also [context.Canceled] or
// [context.DeadlineExceeded], and the context's cause.
type Error struct {
	Status Status
	// Message says in words what went wrong. It never holds a secret.
	Message string
	// HTTPStatus is that of the response behind the error; 0 if there is none.
	HTTPStatus int
	// ServiceCode is the service's code in that response, such as "13000102"; empty if there is none.
	ServiceCode string
	// RequestID is the response's X-Request-Id, for the service's support; empty if there is none.
	RequestID string
	// Retryable says whether running [Report.Unfinished] later, or listing again, with nothing changed may
	// succeed.
	Retryable bool

	// Why the context ended, if that is what stopped the call.
	context []error
}

// Error returns status and message.
func (e *Error) Error() string {
	return e.Status.Error() + ": " + e.Message
}

// Unwrap returns the status, and why the context ended if that stopped the call.
func (e *Error) Unwrap() []error {
	return append([]error{e.Status}, e.context...)
}

// invalid is an error that this package finds before the library could.
func invalid(format string, values ...any) *Error {
	return &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf(format, values...)}
}

// toGo returns what a C function says of itself, and frees the C error; nil for KOODRIVE_OK. It takes
// where the C error is: Go does not say whether arguments are read before the call beside them.
func toGo(status C.koodrive_status, place **C.koodrive_error) error {
	if status == C.KOODRIVE_OK {
		return nil
	}
	failure := *place
	defer C.koodrive_error_free(failure)
	return &Error{
		Status:      Status(status),
		Message:     C.GoString(C.koodrive_error_message(failure)),
		HTTPStatus:  int(C.koodrive_error_http_status(failure)),
		ServiceCode: C.GoString(C.koodrive_error_service_code(failure)),
		RequestID:   C.GoString(C.koodrive_error_request_id(failure)),
		Retryable:   bool(C.koodrive_error_is_retryable(failure)),
	}
}

// withContext adds to the error of a cancelled call why its context ended.
func withContext(ctx context.Context, err error) error {
	var stopped *Error
	if ctx.Err() != nil && errors.As(err, &stopped) && stopped.Status == ErrCancelled {
		stopped.context = []error{ctx.Err(), context.Cause(ctx)}
	}
	return err
}
