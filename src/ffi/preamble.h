/*
 * koodrive - lists KooDrive backup scopes and deletes them in bulk, with one truthful outcome per id
 *
 * Generated from src/ffi by cbindgen: change it there, then `make header`.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A program builds a koodrive_config, from it a koodrive_client, collects ids in a koodrive_plan,
 * runs it with koodrive_client_delete_plan(), and reads what became of each id from the
 * koodrive_result. A koodrive_monitor watches and cancels a run. Which ids there are say
 * koodrive_client_list_devices() and koodrive_client_list_scopes().
 *
 * CONVENTIONS, for every function:
 *
 * Objects   All types are opaque. What a _new function or an out-parameter hands out belongs to the
 *           caller, who ends it with the type's _free function, once. Every _free takes NULL.
 *           Nothing may be freed while a call uses it.
 * Threads   A koodrive_client and a koodrive_monitor may be used by any number of threads at once;
 *           every other object by one thread at a time. A const pointer is never written through.
 *           The library blocks the calling thread and starts others of its own for the length of a
 *           delete call, with 2 MiB of stack each; they handle no signals. A thread that is cancelled
 *           (pthread_cancel) in a call finishes the call first.
 * Errors    A function that can fail returns a koodrive_status and takes a koodrive_error ** last.
 *           It may be NULL; else *error becomes NULL on success, and on failure an error that the
 *           caller frees. Other out-parameters become NULL first. What they held before is not freed.
 *           There is no global "last error". A call that fails changes nothing, except that a delete
 *           call may have deleted scopes.
 * NULL      Where an object or a text is needed, NULL is KOODRIVE_ERROR_INVALID_ARGUMENT. Functions
 *           that only read answer NULL, 0 or false for a NULL object.
 * Texts in  UTF-8, NUL-terminated, copied before the call returns. So are paths on Windows, whatever
 *           the code page is; elsewhere they are bytes.
 * Texts out UTF-8, NUL-terminated, borrowed from the object they came from and valid until that is
 *           freed. A NUL that the service puts in a text becomes U+FFFD, and so does half of a
 *           surrogate pair that stands alone. Secrets in texts of the service are replaced by "***",
 *           but never in ids; its messages and codes are cut after 1000 characters.
 * Numbers   Statuses and outcomes are int32_t; a number never changes its meaning and is never
 *           used again. Be ready for numbers that are added later.
 * The host  No callbacks, no output, no signal handlers, no visible global state, no exit. The one
 *           exception: a stream that is handed to koodrive_plan_add_arrow() consists of functions, which are
 *           called on the calling thread before that call returns, and whoever has a stream of
 *           koodrive_result_to_arrow() calls the library's. Nothing is read from the environment but by koodrive_config_load_env(), and, when a process
 *           first connects by TLS without a CA file, SSL_CERT_FILE and SSL_CERT_DIR, by the
 *           platform's own rules for finding certificates. Between calls, after a fork, the
 *           child may use its copies of objects; it gets new connections. If memory runs out the
 *           process is aborted with a line on stderr, as Rust does. dlclose (on Windows,
 *           FreeLibrary) leaves the library in place: a name look-up that the system has not
 *           answered may still need it.
 */
#ifndef KOODRIVE_H
#define KOODRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
