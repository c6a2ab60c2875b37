// Package koodrive lists KooDrive backup scopes and deletes them in bulk, with one truthful outcome per id.
//
// It is a thin layer over the C library of the same name. Build a [Client], hand it ids, and read from
// the [Report] what became of each:
//
//	client, err := koodrive.NewClient(koodrive.Config{
//		Endpoint:    "https://intl.myhuaweicloud-koodrive.com",
//		UserID:      "1505084218764547200",
//		AccessToken: token,
//	})
//	...
//	defer client.Close()
//	report, err := client.DeleteScopes(ctx, deviceID, scopeIDs)
//
// An error says that the run is incomplete; the report is there all the same, unless the call was
// refused before its run began and nothing was sent. Without an error single ids may still have
// failed: [Report.Failures] lists them. [Report.Unfinished] is what a next run should take up.
//
// Which ids there are say [Client.Devices] and [Client.Scopes]; [Plan.AddScopes] takes a whole list.
//
// What happens in a call, such as which request failed and when it is sent again, logs [WithLogger]; a [Monitor]
// hands it out to other goroutines.
//
// A call blocks one thread of the operating system while it runs, whatever the number of its
// connections.
//
// # Building
//
// The package links with the library that pkg-config finds under the name koodrive. With the build tag
// koodrive_static the library becomes a part of the program:
//
//	go build -tags koodrive_static
package koodrive

// The static library goes first, and the shared one, which pkg-config names, is then not needed.

// #cgo !koodrive_static pkg-config: koodrive
// #cgo koodrive_static pkg-config: --static koodrive
// #cgo koodrive_static LDFLAGS: -l:libkoodrive.a -Wl,--as-needed
// #include <koodrive.h>
import "C"

import (
	"fmt"
	"strings"
	"unsafe"
)

// Version returns the version of the library, such as "0.1.0".
func Version() string {
	return C.GoString(C.koodrive_version())
}

// checkABI refuses a library that this package was not compiled for.
func checkABI() error {
	major := C.koodrive_abi_version() >> 16
	if major == C.KOODRIVE_ABI_VERSION_MAJOR {
		return nil
	}
	return &Error{Status: ErrInternal, Message: fmt.Sprintf(
		"the koodrive library that was loaded (version %s) has interface version %d, and this package needs %d",
		Version(), major, C.KOODRIVE_ABI_VERSION_MAJOR)}
}

// cText copies a text for a C function to read during one call.
func cText(argument, text string) (*C.char, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, invalid("%s: must not hold a NUL byte", argument)
	}
	terminated := append([]byte(text), 0)
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(terminated))), nil
}

// optionalText is cText of a text that may be nil: NULL for C then.
func optionalText(argument string, text *string) (*C.char, error) {
	if text == nil {
		return nil, nil
	}
	return cText(argument, *text)
}
