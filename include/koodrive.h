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

/* The structs of the Arrow C data and stream interfaces, as their specification gives them, under its guards:
 * https://arrow.apache.org/docs/format/CDataInterface.html */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  // Array type description
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;

  // Release callback
  void (*release)(struct ArrowSchema*);
  // Opaque producer-specific data
  void* private_data;
};

struct ArrowArray {
  // Array data description
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;

  // Release callback
  void (*release)(struct ArrowArray*);
  // Opaque producer-specific data
  void* private_data;
};

#endif  // ARROW_C_DATA_INTERFACE

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  // Callbacks providing stream functionality
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);

  // Release callback
  void (*release)(struct ArrowArrayStream*);

  // Opaque producer-specific data
  void* private_data;
};

#endif  // ARROW_C_STREAM_INTERFACE

/* ==== Version ================================================================= */

/**
 * The major version of the interface that this header describes. It changes when a program would
 * have to be compiled anew; the SONAME carries it.
 */
#define KOODRIVE_ABI_VERSION_MAJOR 1

/**
 * The minor version: it grows when something is added.
 */
#define KOODRIVE_ABI_VERSION_MINOR 0

/**
 * The interface version of the loaded library, `major << 16 | minor`. A program that loads the
 * library at run time compares the major with KOODRIVE_ABI_VERSION_MAJOR before anything else.
 */
uint32_t koodrive_abi_version(void);

/**
 * The version of the loaded library, such as "0.1.0". Static: never free it.
 */
const char *koodrive_version(void);

/* ==== Statuses and outcomes =================================================== */

/**
 * What a function says of itself: KOODRIVE_OK or one of KOODRIVE_ERROR_.... A later library may
 * return a number that is not listed here; treat it as an error.
 */
typedef int32_t koodrive_status;

/**
 * What is known of one id: one of KOODRIVE_OUTCOME_.... A later library may report a number that is not
 * listed here.
 */
typedef int32_t koodrive_outcome;

/**
 * All went well. Of a delete call: every id got its outcome from a response of the service that
 * reports success, or repeats an id before it. Single ids may still have failed.
 */
#define KOODRIVE_OK 0

/**
 * An argument breaks a rule, which the error's message names. Nothing was sent, nothing changed.
 */
#define KOODRIVE_ERROR_INVALID_ARGUMENT 1

/**
 * The service does not accept the authorization (HTTP 401): the token has expired or is wrong, or
 * the signature is. Set a new token and run koodrive_result_unfinished().
 */
#define KOODRIVE_ERROR_UNAUTHORIZED 2

/**
 * No connection to the service, or it was lost: name, network, proxy or certificate.
 */
#define KOODRIVE_ERROR_UNREACHABLE 3

/**
 * The run timeout passed, or the last attempt of a request ran into the request timeout.
 */
#define KOODRIVE_ERROR_TIMED_OUT 4

/**
 * koodrive_monitor_cancel() was called before all was done.
 */
#define KOODRIVE_ERROR_CANCELLED 5

/**
 * The service refused a request as a whole, or failed to carry it out (HTTP 4xx, 5xx, or 200 with
 * an error code).
 */
#define KOODRIVE_ERROR_SERVICE 6

/**
 * What came back can't be understood or trusted as a response of the service.
 */
#define KOODRIVE_ERROR_INVALID_RESPONSE 7

/**
 * A bug in this library. The outcomes that are reported are true all the same.
 */
#define KOODRIVE_ERROR_INTERNAL 8

/**
 * The journal can't be written: nothing more was sent. See koodrive_client_delete_plan_journaled().
 */
#define KOODRIVE_ERROR_JOURNAL 9

/**
 * The service never got a whole request with the id, in this run or one before. May still exist.
 */
#define KOODRIVE_OUTCOME_NOT_SENT 0

/**
 * The service said that this run deleted it. Does not exist now.
 */
#define KOODRIVE_OUTCOME_DELETED 1

/**
 * The service said that it does not exist, and no earlier try can have deleted it: none of this run, and
 * none of a run before that the plan knows of, see koodrive_plan_mark_tried(). A proxy that repeats
 * requests by itself may have: of that nobody tells the library.
 */
#define KOODRIVE_OUTCOME_NOT_FOUND 2

/**
 * The id stands earlier in the plan for the same user and device: it was not sent again, and its
 * message names the index that it repeats. Its service code is "15000424", the API reference's for a
 * repeated id.
 */
#define KOODRIVE_OUTCOME_DUPLICATE 3

/**
 * The service refused it and did not delete it; service code and message say why. May still
 * exist.
 */
#define KOODRIVE_OUTCOME_REJECTED 4

/**
 * It does not exist now, but an earlier try, of this run or one before, was left without a response:
 * whether that try deleted it or somebody else did is not known.
 */
#define KOODRIVE_OUTCOME_GONE 5

/**
 * It was sent, by this run or one before, and no trustworthy response came: it may or may not be deleted.
 * Asking again is safe.
 */
#define KOODRIVE_OUTCOME_UNKNOWN 6

/**
 * A status's name, such as "INVALID_ARGUMENT" or "OK"; "UNDEFINED" for a number that is none.
 * Static: never free it.
 */
const char *koodrive_status_name(koodrive_status status);

/**
 * An outcome's name, such as "NOT_FOUND"; "UNDEFINED" for a number that is none. Static: never
 * free it.
 */
const char *koodrive_outcome_name(koodrive_outcome outcome);

/**
 * What an outcome says of an id that another run may have sent too, before this one or at the same time:
 * NOT_FOUND becomes GONE, for the other run may have deleted it; NOT_SENT and REJECTED become UNKNOWN. All
 * others stay, as does a number that is none. For whoever divides ids among processes and can't rule out that
 * two of them got the same; a plan whose ids were tried before knows it by koodrive_plan_mark_tried().
 */
koodrive_outcome koodrive_outcome_if_tried(koodrive_outcome outcome);

/* ==== Errors ================================================================== */

/**
 * Why a call failed. A function that fails makes one if its caller passed a place for it; the
 * caller frees it with koodrive_error_free(). It stays valid whatever else is freed, and may be
 * used on any thread, by one at a time. Its texts live as long as it does.
 */
typedef struct koodrive_error koodrive_error;

/**
 * The status that the failed function returned; KOODRIVE_OK for NULL.
 */
koodrive_status koodrive_error_status(const koodrive_error *error);

/**
 * What went wrong, in words, for a person: the argument and the rule it breaks, or what the
 * service or the network said. It never holds a secret. Borrowed from the error; NULL for NULL.
 */
const char *koodrive_error_message(const koodrive_error *error);

/**
 * The HTTP status of the response behind the error, such as 403; 0 if there is none, or for NULL.
 */
int32_t koodrive_error_http_status(const koodrive_error *error);

/**
 * The service's code in the response behind the error, such as "13000102". Borrowed from the error;
 * NULL if there is none, or for NULL.
 */
const char *koodrive_error_service_code(const koodrive_error *error);

/**
 * The X-Request-Id of the response behind the error, for the service's support. Borrowed from the
 * error; NULL if there is none, or for NULL.
 */
const char *koodrive_error_request_id(const koodrive_error *error);

/**
 * Whether running koodrive_result_unfinished(), or listing again, later and with nothing changed, may
 * succeed: true where the cause may pass by itself. false for NULL.
 */
bool koodrive_error_is_retryable(const koodrive_error *error);

/**
 * Frees an error. NULL is fine.
 */
void koodrive_error_free(koodrive_error *error);

/* ==== Config ================================================================== */

/**
 * What a client is built from: fill it, build clients with koodrive_client_new(), free it. Each
 * setter checks its value and copies it; it returns KOODRIVE_ERROR_INVALID_ARGUMENT if the value
 * breaks its rule or an argument is NULL, and the config is as it was. An endpoint and one of the
 * three authorizations must be set; of the authorizations the last one set counts.
 */
typedef struct koodrive_config koodrive_config;

/**
 * A new config with the default limits and nothing else; free it with koodrive_config_free().
 * NULL if it could not be made.
 */
koodrive_config *koodrive_config_new(void);

/**
 * Takes what these environment variables say; of those that are not set or empty nothing changes:
 * KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN, KOODRIVE_AUTHORIZATION,
 * KOODRIVE_APP_ID with KOODRIVE_APP_SECRET, KOODRIVE_CA_FILE, KOODRIVE_PROXY,
 * KOODRIVE_CONNECT_TIMEOUT_MS, KOODRIVE_REQUEST_TIMEOUT_MS, KOODRIVE_RUN_TIMEOUT_MS,
 * KOODRIVE_MAX_OUTAGE_MS, KOODRIVE_MAX_ATTEMPTS, KOODRIVE_MAX_CONNECTIONS,
 * KOODRIVE_MAX_REQUESTS_PER_SECOND.
 *
 * Each follows the rule of its setter; more than one authorization is an error. Returns
 * KOODRIVE_ERROR_INVALID_ARGUMENT, names the variable, and nothing has changed. No other thread
 * may change the environment meanwhile (setenv(3)).
 */
koodrive_status koodrive_config_load_env(koodrive_config *config, koodrive_error **error);

/**
 * The service's address: https://host or https://host:port, such as
 * "https://intl.myhuaweicloud-koodrive.com". No user info, path, query or fragment. Plain http is
 * accepted for loopback addresses and localhost only. A single "/" at the end is ignored. There is no
 * default.
 */
koodrive_status koodrive_config_set_endpoint(koodrive_config *config,
                                             const char *url,
                                             koodrive_error **error);

/**
 * The user that ids added with a NULL user belong to; sent as X-User-Id. 1 to 8000 bytes without
 * control characters, not beginning or ending with a space. No default: without it every
 * koodrive_plan_add() must name a user.
 */
koodrive_status koodrive_config_set_user_id(koodrive_config *config,
                                            const char *user_id,
                                            koodrive_error **error);

/**
 * Authorize by access token: requests carry "Authorization: Bearer <token>" (RFC 6750). 1 to 8000
 * visible ASCII characters or spaces, not beginning or ending with a space. A token expires after 20
 * minutes without a request.
 */
koodrive_status koodrive_config_set_access_token(koodrive_config *config,
                                                 const char *token,
                                                 koodrive_error **error);

/**
 * Authorize by this value of the Authorization header, sent as it is: 1 to 8000 visible ASCII
 * characters or spaces, not beginning or ending with a space. For deployments that expect another
 * form than "Bearer <token>".
 */
koodrive_status koodrive_config_set_authorization(koodrive_config *config,
                                                  const char *value,
                                                  koodrive_error **error);

/**
 * Authorize as an application: every request is signed with HMAC-SHA256 under the AppSecret, which
 * itself is never sent. app_id: 1 to 8000 visible ASCII characters or spaces, not beginning or
 * ending with a space; app_secret: not empty.
 */
koodrive_status koodrive_config_set_app_credentials(koodrive_config *config,
                                                    const char *app_id,
                                                    const char *app_secret,
                                                    koodrive_error **error);

/**
 * Trust the certificates in this PEM file (RFC 7468) instead of the platform's. The file is read now:
 * a regular file of at most 16 MiB that holds at least one certificate. A byte order mark at its
 * beginning is skipped.
 */
koodrive_status koodrive_config_set_ca_file(koodrive_config *config,
                                            const char *path,
                                            koodrive_error **error);

/**
 * Reach the service through an HTTP proxy: http://[user:password@]host[:port], which opens tunnels
 * (CONNECT). Without this call there is none: the environment's proxy variables are not read.
 */
koodrive_status koodrive_config_set_proxy(koodrive_config *config,
                                          const char *url,
                                          koodrive_error **error);

/**
 * How long name look-up, TCP, proxy and TLS may take together, in milliseconds: 1 to 31536000000
 * (a year). Default 10000.
 */
koodrive_status koodrive_config_set_connect_timeout_ms(koodrive_config *config,
                                                       uint64_t milliseconds,
                                                       koodrive_error **error);

/**
 * How long one request may take from its first byte sent to its whole response, in milliseconds: 1 to
 * 31536000000 (a year). Default 30000.
 */
koodrive_status koodrive_config_set_request_timeout_ms(koodrive_config *config,
                                                       uint64_t milliseconds,
                                                       koodrive_error **error);

/**
 * After how many milliseconds a run starts nothing new, 0 to 31536000000 (a year); it then waits for
 * the responses under way, at most one request timeout. Default 0: never.
 */
koodrive_status koodrive_config_set_run_timeout_ms(koodrive_config *config,
                                                   uint64_t milliseconds,
                                                   koodrive_error **error);

/**
 * How long a run waits for a service that worked and does not any more, in milliseconds: 0 (not at all) to
 * 31536000000 (a year). Default 60000. After that time without one success, throttled requests included,
 * the run stops. It also bounds the pauses that the service may ask for (Retry-After, RFC 9110, 10.2.3): a
 * longer one stops the run. A service that never answered a run with a success is not waited for.
 */
koodrive_status koodrive_config_set_max_outage_ms(koodrive_config *config,
                                                  uint64_t milliseconds,
                                                  koodrive_error **error);

/**
 * How often a request is tried in all if failures may pass: 1 to 100. Default 4. Not counted are requests
 * that were throttled (HTTP 429; 503, once the run has had a success) and those of an outage.
 */
koodrive_status koodrive_config_set_max_attempts(koodrive_config *config,
                                                 uint32_t attempts,
                                                 koodrive_error **error);

/**
 * How many connections each run uses at most, and so how many requests are under way at once: 1 to
 * 1024. Default 4.
 */
koodrive_status koodrive_config_set_max_connections(koodrive_config *config,
                                                    uint32_t connections,
                                                    koodrive_error **error);

/**
 * How many requests a second all runs of a client send together; 0: as many as they can. Default 0.
 */
koodrive_status koodrive_config_set_max_requests_per_second(koodrive_config *config,
                                                            uint32_t requests,
                                                            koodrive_error **error);

/**
 * Frees a config. Clients that were built from it are not affected. NULL is fine.
 */
void koodrive_config_free(koodrive_config *config);

/* ==== Devices ================================================================= */

/**
 * A user's devices, in the service's order. It never changes: any number of threads may read it.
 */
typedef struct koodrive_devices koodrive_devices;

/**
 * How many devices the user has. 0 for NULL.
 */
size_t koodrive_devices_count(const koodrive_devices *devices);

/**
 * The id of the device at an index. Never NULL but for an index out of range or for NULL. Borrowed from the
 * list.
 */
const char *koodrive_devices_device_id(const koodrive_devices *devices,
                                       size_t index);

/**
 * The name of the device at an index, such as "Magic v3"; NULL if the service says none, for an index out of
 * range or for NULL. It is a text that somebody typed. Borrowed from the list.
 */
const char *koodrive_devices_name(const koodrive_devices *devices,
                                  size_t index);

/**
 * The operating system of the device at an index; NULL as for koodrive_devices_name(). Borrowed from the list.
 */
const char *koodrive_devices_os(const koodrive_devices *devices,
                                size_t index);

/**
 * The machine code under which the device at an index was bound; NULL as for koodrive_devices_name().
 * Borrowed from the list.
 */
const char *koodrive_devices_machine_code(const koodrive_devices *devices,
                                          size_t index);

/**
 * When the device at an index was bound, as the service writes it, such as "2025-09-15T06:14:48.630Z"; NULL as
 * for koodrive_devices_name(). Borrowed from the list.
 */
const char *koodrive_devices_created_at(const koodrive_devices *devices,
                                        size_t index);

/**
 * Frees a list, and all that was borrowed from it. NULL is fine.
 */
void koodrive_devices_free(koodrive_devices *devices);

/* ==== Scopes ================================================================== */

/**
 * A device's scopes, in the service's order. It never changes: any number of threads may read it.
 */
typedef struct koodrive_scopes koodrive_scopes;

/**
 * The user whose device it is: also where koodrive_client_list_scopes() took it from the config. NULL for NULL.
 * Borrowed from the list.
 */
const char *koodrive_scopes_user_id(const koodrive_scopes *scopes);

/**
 * The device whose scopes they are. NULL for NULL. Borrowed from the list.
 */
const char *koodrive_scopes_device_id(const koodrive_scopes *scopes);

/**
 * How many scopes the list has. 0 for NULL.
 */
size_t koodrive_scopes_count(const koodrive_scopes *scopes);

/**
 * The id of the scope at an index, one that koodrive_plan_add() accepts. NULL for an index out of range or for
 * NULL. Borrowed from the list.
 */
const char *koodrive_scopes_scope_id(const koodrive_scopes *scopes,
                                     size_t index);

/**
 * The module of the scope at an index: "100" folders, "101" an album, "102" an address book, or one that the
 * service has added since. NULL if the service says none, for an index out of range or for NULL. Borrowed from
 * the list.
 */
const char *koodrive_scopes_module_code(const koodrive_scopes *scopes,
                                        size_t index);

/**
 * The path on the device that the scope at an index backs up; NULL as for koodrive_scopes_module_code(). It may
 * hold any character, up to 10,000 of them; what is none (a NUL, half of a surrogate pair) is U+FFFD. Borrowed
 * from the list.
 */
const char *koodrive_scopes_local_path(const koodrive_scopes *scopes,
                                       size_t index);

/**
 * The folder of the drive that the scope at an index is backed up to; NULL as for
 * koodrive_scopes_module_code(). Borrowed from the list.
 */
const char *koodrive_scopes_target_folder_path(const koodrive_scopes *scopes, size_t index);

/**
 * When the scope at an index was added, as the service writes it; NULL as for koodrive_scopes_module_code().
 * Borrowed from the list.
 */
const char *koodrive_scopes_created_at(const koodrive_scopes *scopes,
                                       size_t index);

/**
 * Frees a list, and all that was borrowed from it. NULL is fine.
 */
void koodrive_scopes_free(koodrive_scopes *scopes);

/* ==== Plan ==================================================================== */

/**
 * What to delete: scope ids of devices of users, in the order in which they are added. The order
 * of the result is the same. A plan may be run more than once, and added to after a run.
 */
typedef struct koodrive_plan koodrive_plan;

/**
 * A new, empty plan; free it with koodrive_plan_free(). NULL if it could not be made.
 */
koodrive_plan *koodrive_plan_new(void);

/**
 * Adds scope ids of one device.
 *
 * user_id: whose device it is, 1 to 8000 bytes without control characters, not beginning or ending
 * with a space; NULL means the user id of the config of the client that will run the plan.
 * device_id: 1 to 512 bytes without control characters. It may hold "/" and "\\", but no segment
 * between them may be empty, "." or "..", also not percent-encoded: a server that decodes the path
 * before it resolves it would take that for another device. Everything else is percent-encoded.
 * scope_ids: count strings of 1 to 128 visible ASCII characters. Ids that are plainly damaged
 * numbers are refused: digits with a decimal point or an exponent, or with the tail
 * "VW5TYWZlSW50ZWdlcg==" ("UnSafeInteger"). May be NULL if count is 0.
 *
 * Everything is copied. Returns KOODRIVE_ERROR_INVALID_ARGUMENT for an argument that breaks its
 * rule; the message names it, and the plan is as it was.
 */
koodrive_status koodrive_plan_add(koodrive_plan *plan,
                                  const char *user_id,
                                  const char *device_id,
                                  const char *const *scope_ids,
                                  size_t count,
                                  koodrive_error **error);

/**
 * Adds scope ids of one device that stand one a line in a text, such as a whole file.
 *
 * text: length bytes of UTF-8; it needs no NUL at its end, and may be NULL if length is 0. Ids are
 * separated by '\n', and one more '\n' may stand at the end; "\r\n" is refused. An empty text holds
 * no id.
 * count: how many ids there must be, so that a line that got lost is noticed; 0: any number.
 * The rest is as for koodrive_plan_add(): the same rules, the same status.
 */
koodrive_status koodrive_plan_add_lines(koodrive_plan *plan,
                                        const char *user_id,
                                        const char *device_id,
                                        const char *text,
                                        size_t length,
                                        size_t count,
                                        koodrive_error **error);

/**
 * Adds all scopes of a list: its user, its device, its ids. To choose among them, use koodrive_plan_add().
 *
 * Everything is copied: the list may be freed afterwards. Returns KOODRIVE_ERROR_INVALID_ARGUMENT if an argument
 * is NULL; the plan is as it was then.
 */
koodrive_status koodrive_plan_add_scopes(koodrive_plan *plan,
                                         const koodrive_scopes *scopes,
                                         koodrive_error **error);

/**
 * Adds the rows of a table that comes through the Arrow C stream interface, as many data tools hand it out: all of
 * them, or none.
 *
 * Its columns are found by their names. "scope_id" and "device_id" must be there. "user_id" may be missing, or null
 * in some rows: the id is then of the user of the client that will run the plan. "tried", booleans, may be missing:
 * true says of an id what koodrive_plan_mark_tried() says. Other columns are ignored. Ids are texts (utf8, large
 * utf8, utf8 view), integers of any size, which are taken as their decimal digits, or dictionaries of these.
 *
 * stream: its functions are called on the calling thread, before this call returns, and must not use the plan. It is
 * always released, also if the call fails (its own release is NULL then); only the struct itself is left to the caller.
 *
 * Everything is copied. Returns KOODRIVE_ERROR_INVALID_ARGUMENT for a column that is missing, stands there twice, is
 * spelt otherwise ("userId" where there is no "user_id"), or holds anything else, such as floating point numbers,
 * decimals or values of an extension type; for a row with a null, or an id that koodrive_plan_add() refuses; for
 * memory that contradicts itself; and if the stream fails. The message names the column, and the row, counted from 0
 * over all batches; the plan is as it was.
 */
koodrive_status koodrive_plan_add_arrow(koodrive_plan *plan,
                                        struct ArrowArrayStream *stream,
                                        koodrive_error **error);

/**
 * Takes back the latest additions: drops all ids but the first count, in the order in which they were
 * added. Does nothing where there are no more than that.
 *
 * Returns KOODRIVE_ERROR_INVALID_ARGUMENT if plan is NULL.
 */
koodrive_status koodrive_plan_truncate(koodrive_plan *plan,
                                       size_t count,
                                       koodrive_error **error);

/**
 * Says that a run whose report is lost may have deleted any of the ids that the plan holds now. A run of the
 * plan begins with them as UNKNOWN, and so does not call an id NOT_FOUND that the lost run may have
 * deleted: each ends as DELETED, GONE or UNKNOWN. Ids that are added later are not affected. A plan of
 * koodrive_result_unfinished() knows this of its ids by itself.
 *
 * Returns KOODRIVE_ERROR_INVALID_ARGUMENT if plan is NULL.
 */
koodrive_status koodrive_plan_mark_tried(koodrive_plan *plan,
                                         koodrive_error **error);

/**
 * How many ids were added, repeats included. 0 for NULL.
 */
size_t koodrive_plan_scope_count(const koodrive_plan *plan);

/**
 * How many requests a run of the plan takes if no id is repeated and no request tried twice: a
 * dry run's answer. Ids that were added with a NULL user count as a user's of their own. 0 for
 * NULL.
 */
size_t koodrive_plan_request_count(const koodrive_plan *plan);

/**
 * Frees a plan. Results of its runs stay valid. NULL is fine.
 */
void koodrive_plan_free(koodrive_plan *plan);

/* ==== Events ================================================================== */

/**
 * A request was answered, or failed after it was sent: its status, request id, duration, ids and attempt.
 */
#define KOODRIVE_EVENT_REQUEST 1

/**
 * A request will be sent again: why, and in how many milliseconds at the earliest, as far as it is known.
 */
#define KOODRIVE_EVENT_RETRY 2

/**
 * The service refused a request for its rate, and the rate was cut: what it is from now on. What was under way by
 * then may be refused, too, and cuts nothing: koodrive_monitor_throttles() counts these as well.
 */
#define KOODRIVE_EVENT_THROTTLED 3

/**
 * The service is down, since when and why: requests wait. It is noticed only when requests have failed for a while.
 */
#define KOODRIVE_EVENT_OUTAGE_BEGAN 4

/**
 * The service is back, and after how long.
 */
#define KOODRIVE_EVENT_OUTAGE_ENDED 5

/**
 * Our clock was found wrong, and by how much: requests carry the service's time from now on.
 */
#define KOODRIVE_EVENT_CLOCK_CORRECTED 6

/**
 * Why nothing new is sent.
 */
#define KOODRIVE_EVENT_STOPPING 7

/**
 * A request is not sent again, which leaves ids of it without a success, or a list without an end: why, with status
 * and request id of the failure. Told once of each request that failed, for good or as often as it is tried, or that
 * waited for its next try after a failure when the run stopped. Of what else a stop leaves only
 * KOODRIVE_EVENT_STOPPING tells: what was never tried, what is under way and abandoned, a half that was not sent.
 */
#define KOODRIVE_EVENT_GIVEN_UP 8

/**
 * One thing that happened in a run. koodrive_monitor_next_event() hands it out; the caller frees it with
 * koodrive_event_free(). It never changes, and stays valid whatever else is freed.
 */
typedef struct koodrive_event koodrive_event;

/**
 * What kind of thing happened: a KOODRIVE_EVENT_... number. Be ready for numbers that are added later. 0 for
 * NULL.
 */
int32_t koodrive_event_kind(const koodrive_event *event);

/**
 * A kind's name, such as "OUTAGE_BEGAN"; "UNDEFINED" for a number that is none. Static: never free it.
 */
const char *koodrive_event_kind_name(int32_t kind);

/**
 * What happened, in one line, with what the service or the network said. It never holds a secret. What is longer than
 * 512 bytes is cut and ends with "...": the call's error and result say all. Borrowed from the event; NULL for NULL.
 */
const char *koodrive_event_message(const koodrive_event *event);

/**
 * The user of the request that a REQUEST, RETRY or GIVEN_UP is about. Borrowed from the event; NULL for others and for
 * NULL.
 */
const char *koodrive_event_user_id(const koodrive_event *event);

/**
 * The device of that request. Borrowed from the event; NULL of a list of devices, for others and for NULL.
 */
const char *koodrive_event_device_id(const koodrive_event *event);

/**
 * The first id that the request holds: with user and device it tells the request from all others of the run, as
 * each id stands in one request at a time. What is sent again holds only the ids that are left, so the first may be
 * another one then. Borrowed from the event; NULL of a call that lists, for others and for NULL.
 */
const char *koodrive_event_first_scope_id(const koodrive_event *event);

/**
 * The X-Request-Id of the response behind the event, for the service's support, cut in the same way. Borrowed from the
 * event; NULL if there is none, or for NULL.
 */
const char *koodrive_event_request_id(const koodrive_event *event);

/**
 * The HTTP status of that response; 0 if there is none, or for NULL.
 */
int32_t koodrive_event_http_status(const koodrive_event *event);

/**
 * When it happened, in milliseconds since the run began. 0 for NULL.
 */
uint64_t koodrive_event_elapsed_ms(const koodrive_event *event);

/**
 * Of a REQUEST how long it took, from its first byte sent to its whole response, in milliseconds. Of an OUTAGE_BEGAN
 * and OUTAGE_ENDED how long the service had been down by then, since the first failure. 0 for others and for NULL.
 */
uint64_t koodrive_event_duration_ms(const koodrive_event *event);

/**
 * How many ids the request holds that a REQUEST, RETRY or GIVEN_UP is about; 0 of a call that lists, for others and
 * for NULL.
 */
size_t koodrive_event_scope_count(const koodrive_event *event);

/**
 * Which try it is, from 1: of a REQUEST the one that it is about, of a RETRY the next one, of a GIVEN_UP the last one,
 * 0 if it was never sent. A request that was halved begins anew. A connection that can't be had is no try: after it
 * comes a RETRY, without a REQUEST, of the try that is still to come. 0 for others and for NULL.
 */
uint32_t koodrive_event_attempt(const koodrive_event *event);

/**
 * Of a THROTTLED how many requests a second are sent from now on, at the most; 0 for others and for NULL.
 */
double koodrive_event_rate(const koodrive_event *event);

/**
 * Frees an event, and all that was borrowed from it. NULL is fine.
 */
void koodrive_event_free(koodrive_event *event);

/* ==== Monitor ================================================================= */

/**
 * Watches a run and cancels it, from any thread while the run goes on. A monitor serves one run
 * at a time, one after the other: a run resets its counts. A cancelled monitor stays cancelled. A call
 * that lists is a run without ids.
 */
typedef struct koodrive_monitor koodrive_monitor;

/**
 * A new monitor; free it with koodrive_monitor_free(). NULL if it could not be made.
 */
koodrive_monitor *koodrive_monitor_new(void);

/**
 * Asks the run to stop: nothing new is sent, and the delete call returns
 * KOODRIVE_ERROR_CANCELLED when the responses under way are in, for they hold the truth: after one
 * request timeout at most. A second call abandons those responses too, and their ids become
 * KOODRIVE_OUTCOME_UNKNOWN. A call that lists ends at once. Async-signal-safe. NULL is fine.
 */
void koodrive_monitor_cancel(const koodrive_monitor *monitor);

/**
 * How many ids of the run have their outcome by now. It stays below the total if the run stops
 * early, so let something else end a loop that watches it. 0 for NULL.
 */
size_t koodrive_monitor_scopes_done(const koodrive_monitor *monitor);

/**
 * How many ids the run has; 0 before its first run, and for NULL.
 */
size_t koodrive_monitor_scopes_total(const koodrive_monitor *monitor);

/**
 * How many requests the run has sent by now, tries that failed included. 0 for NULL.
 */
uint64_t koodrive_monitor_requests_sent(const koodrive_monitor *monitor);

/**
 * How often a request of the run had to be sent again by now, whatever for: KOODRIVE_EVENT_RETRY. 0 for NULL.
 */
uint64_t koodrive_monitor_retries(const koodrive_monitor *monitor);

/**
 * How often the service refused a request of the run for its rate by now (HTTP 429 or 503). 0 for NULL.
 */
uint64_t koodrive_monitor_throttles(const koodrive_monitor *monitor);

/**
 * Keeps up to `capacity` events of the runs that begin from now on, for koodrive_monitor_next_event(); 0, which a
 * new monitor has: none. The oldest go first, and koodrive_monitor_events_dropped() says how many went. Events
 * that are kept by now go. An event takes some 400 bytes, and 2 KiB at the most, as long texts are cut. To be called
 * before a run.
 *
 * Returns KOODRIVE_ERROR_INVALID_ARGUMENT if monitor is NULL, if capacity is more than 16777216 (2^24), or while a
 * run goes on.
 */
koodrive_status koodrive_monitor_keep_events(koodrive_monitor *monitor,
                                             size_t capacity,
                                             koodrive_error **error);

/**
 * Takes the oldest event that is kept, from any thread, also while the run goes on; the caller frees it with
 * koodrive_event_free(). NULL if there is none now, and for NULL. It waits for nothing.
 */
koodrive_event *koodrive_monitor_next_event(const koodrive_monitor *monitor);

/**
 * How many events went since koodrive_monitor_keep_events() because there was no room. 0 for NULL.
 */
size_t koodrive_monitor_events_dropped(const koodrive_monitor *monitor);

/**
 * Frees a monitor, after the call that uses it has returned. NULL is fine.
 */
void koodrive_monitor_free(koodrive_monitor *monitor);

/* ==== Result ================================================================== */

/**
 * What became of each id of a run, in the order in which the ids were added to the plan. It holds
 * all that it needs: plan, client and monitor may be freed before it. Its texts and its column of
 * outcomes live as long as it does.
 */
typedef struct koodrive_result koodrive_result;

/**
 * How many ids the run had, repeats included. 0 for NULL.
 */
size_t koodrive_result_count(const koodrive_result *result);

/**
 * The outcomes of all ids: an array of koodrive_result_count() numbers, each one of
 * KOODRIVE_OUTCOME_.... Borrowed from the result; NULL for NULL and for a run without ids.
 */
const koodrive_outcome *koodrive_result_outcomes(const koodrive_result *result);

/**
 * How many ids have the given outcome. 0 for a number that is no outcome, and for NULL.
 */
size_t koodrive_result_tally(const koodrive_result *result, koodrive_outcome outcome);

/**
 * Steps through the ids that may still exist: NOT_SENT, REJECTED and UNKNOWN.
 *
 * Set *cursor to 0 before the first call and leave it to this function then. It returns true and
 * sets *index to the next such id, or false when there is no more; also if an argument is NULL.
 */
bool koodrive_result_next_failure(const koodrive_result *result, size_t *cursor, size_t *index);

/**
 * Steps through the ids that a next run should take up, as koodrive_result_unfinished() gives them:
 * for a program that writes them down. The rest is as for koodrive_result_next_failure().
 */
bool koodrive_result_next_unfinished(const koodrive_result *result, size_t *cursor, size_t *index);

/**
 * How many requests the run sent, tries that failed included. 0 for NULL.
 */
size_t koodrive_result_request_count(const koodrive_result *result);

/**
 * The id at an index. Borrowed from the result; NULL beyond the last index, and for NULL.
 */
const char *koodrive_result_scope_id(const koodrive_result *result, size_t index);

/**
 * The device of the id at an index. Borrowed from the result; NULL beyond the last index, and for
 * NULL.
 */
const char *koodrive_result_device_id(const koodrive_result *result, size_t index);

/**
 * The user of the id at an index: of ids that were added without one, the config's. Borrowed from
 * the result; NULL beyond the last index, and for NULL.
 */
const char *koodrive_result_user_id(const koodrive_result *result, size_t index);

/**
 * What the service's code for the id at an index was, such as "15000418". Borrowed from the
 * result; NULL where the service named none, beyond the last index, and for NULL.
 */
const char *koodrive_result_service_code(const koodrive_result *result, size_t index);

/**
 * Why the id at an index has its outcome, in words: the service's, or the library's where the
 * service said nothing. Borrowed from the result; NULL where there is nothing to say, beyond the
 * last index, and for NULL.
 */
const char *koodrive_result_message(const koodrive_result *result, size_t index);

/**
 * A new plan of what a next run should take up: ids that are NOT_SENT, and those that are UNKNOWN or
 * REJECTED for a reason that may be otherwise the next time. Left out are those of which the
 * service itself said that it won't delete them: in its list of failed ids, with any code but
 * "15000424", or by HTTP 400 with code 13000102 for the id alone. Users are filled in. The plan
 * remembers which ids are UNKNOWN, as by koodrive_plan_mark_tried(). It may be empty. The caller frees it
 * with koodrive_plan_free(). NULL for NULL.
 */
koodrive_plan *koodrive_result_unfinished(const koodrive_result *result);

/**
 * Hands out all outcomes as a table, through the Arrow C stream interface, which many data tools take.
 *
 * Its columns are utf8, a row an id in the order of the plan: "user_id", "device_id", "scope_id", "outcome" (as
 * koodrive_outcome_name() says it), and "service_code" and "message", which are null where there is none. A batch has
 * at most a million rows; a result without ids has no batch.
 *
 * out: becomes the stream, which the caller releases by its own function, or hands to who does; what it held before
 * is not released. The stream keeps what it needs, so that the result may be freed first. It may be used on any
 * thread, by one at a time, and copies a batch when it is asked for it.
 *
 * Returns KOODRIVE_ERROR_INVALID_ARGUMENT if result or out is NULL; out is a released stream then.
 */
koodrive_status koodrive_result_to_arrow(const koodrive_result *result,
                                         struct ArrowArrayStream *out,
                                         koodrive_error **error);

/**
 * Frees a result, and with it all texts that were borrowed from it. NULL is fine.
 */
void koodrive_result_free(koodrive_result *result);

/* ==== Client ================================================================== */

/**
 * Lists and deletes. Any number of threads may use a client at once. Between calls it keeps idle connections,
 * and no threads but one for a name look-up that the system's resolver never returns from. A
 * connection that has rested for 15 seconds is not used, and closed by the next call or with the
 * client.
 */
typedef struct koodrive_client koodrive_client;

/**
 * Builds a client. Nothing is connected or sent.
 *
 * On success *client is the new client, which the caller frees with koodrive_client_free(); else
 * it is NULL. Returns KOODRIVE_ERROR_INVALID_ARGUMENT if the config holds no endpoint or no
 * authorization, or a proxy through which plain http would leave this machine, or an argument is
 * NULL. The config may be freed afterwards.
 */
koodrive_status koodrive_client_new(const koodrive_config *config,
                                    koodrive_client **client,
                                    koodrive_error **error);

/**
 * Requests from now on carry this access token in place of any authorization before, those of runs
 * under way included. The rule and the error are those of koodrive_config_set_access_token().
 */
koodrive_status koodrive_client_set_access_token(const koodrive_client *client,
                                                 const char *token,
                                                 koodrive_error **error);

/**
 * Requests from now on carry this value of the Authorization header in place of any authorization
 * before, those of runs under way included. The rule and the error are those of
 * koodrive_config_set_authorization().
 */
koodrive_status koodrive_client_set_authorization(const koodrive_client *client,
                                                  const char *value,
                                                  koodrive_error **error);

/**
 * Lists the devices of a user (the API reference's listBoundDevice). Blocks until the list is whole. Nothing is
 * changed at the service.
 *
 * user_id: as for koodrive_plan_add(); NULL means that of the config.
 * monitor: cancels the call from other threads, also while a response is awaited; may be NULL. Its counts stay
 * 0.
 *
 * On success *devices is the list, which may be empty, and which the caller frees with koodrive_devices_free().
 * A list is whole or there is none: whatever the error, *devices is NULL. Requests are sent, paced and tried
 * again as those of a run are, under the same settings. The error holds the service's code and words, if it gave
 * any. Returns
 *
 * - KOODRIVE_ERROR_INVALID_ARGUMENT: an argument breaks its rule, user_id is NULL and the config has none, or
 *   the monitor watches a run. Nothing was sent.
 * - KOODRIVE_ERROR_CANCELLED: the monitor was cancelled.
 * - KOODRIVE_ERROR_TIMED_OUT: the run timeout passed, or the last attempt took longer than a request may.
 * - KOODRIVE_ERROR_UNAUTHORIZED: HTTP 401.
 * - KOODRIVE_ERROR_SERVICE: the service refused the request, such as for a user that it does not know, or failed.
 * - KOODRIVE_ERROR_INVALID_RESPONSE: the answer is none of the service's, longer than 64 MiB, or holds an id that
 *   no plan would accept.
 * - KOODRIVE_ERROR_UNREACHABLE, KOODRIVE_ERROR_INTERNAL: as for koodrive_client_delete_plan().
 */
koodrive_status koodrive_client_list_devices(const koodrive_client *client,
                                             const char *user_id,
                                             const koodrive_monitor *monitor,
                                             koodrive_devices **devices,
                                             koodrive_error **error);

/**
 * Lists the scopes that a device backs up (the API reference's listBackupScope). Blocks until the list is whole.
 * Nothing is changed at the service.
 *
 * user_id, monitor: as for koodrive_client_list_devices(). device_id: as for koodrive_plan_add().
 * module_code: which kind: "100" folders, "101" albums, "102" address books, or another one that the service may
 * have by now, of 1 to 16 visible ASCII characters. NULL means all three, one request each.
 *
 * On success *scopes is the list, which may be empty, and which the caller frees with koodrive_scopes_free();
 * else it is NULL. Returns what koodrive_client_list_devices() does; KOODRIVE_ERROR_INVALID_RESPONSE also if the
 * answer names a scope of another module than was asked for.
 */
koodrive_status koodrive_client_list_scopes(const koodrive_client *client,
                                            const char *user_id,
                                            const char *device_id,
                                            const char *module_code,
                                            const koodrive_monitor *monitor,
                                            koodrive_scopes **scopes,
                                            koodrive_error **error);

/**
 * Deletes scopes of one device of the config's user: koodrive_plan_add() and
 * koodrive_client_delete_plan() in one call, with the rules and statuses of both.
 */
koodrive_status koodrive_client_delete_scopes(const koodrive_client *client,
                                              const char *device_id,
                                              const char *const *scope_ids,
                                              size_t count,
                                              const koodrive_monitor *monitor,
                                              koodrive_result **result,
                                              koodrive_error **error);

/**
 * Deletes what a plan holds. Blocks until every id has its outcome.
 *
 * monitor: watches and cancels this run from other threads; may be NULL.
 *
 * *result is what became of each id; the caller frees it with koodrive_result_free(). It is there
 * whatever the status, unless the call was refused before its run began: then it is NULL and
 * nothing was sent. An empty plan is a run with nothing to do: KOODRIVE_OK and an empty result.
 *
 * Returns KOODRIVE_OK if every id got its outcome from a response that reports success, or repeats
 * an id before it; single ids may still have failed, see koodrive_result_next_failure().
 * Otherwise the first of these that applies:
 *
 * - KOODRIVE_ERROR_INVALID_ARGUMENT: refused before the run: an argument is NULL, ids have no user
 *   and the config has none, or the monitor watches another run. *result is NULL.
 * - KOODRIVE_ERROR_CANCELLED: the monitor was cancelled before all was done.
 * - KOODRIVE_ERROR_TIMED_OUT: the run timeout passed.
 * - KOODRIVE_ERROR_UNAUTHORIZED: HTTP 401, which stops the run.
 * - KOODRIVE_ERROR_INTERNAL: a bug in the library stopped the run.
 * - KOODRIVE_ERROR_UNREACHABLE, KOODRIVE_ERROR_TIMED_OUT (of a request),
 *   KOODRIVE_ERROR_INVALID_RESPONSE or KOODRIVE_ERROR_SERVICE: what kept the first id without an outcome
 *   of its own from getting one.
 *
 * A run ends early only if it is cancelled; at its run timeout; at a 401; after 20 requests in a row
 * that were refused as a whole; if the service, once it had answered this run, was down or throttled
 * it for longer than koodrive_config_set_max_outage_ms() allows, or asks for a longer pause
 * (Retry-After, RFC 9110, 10.2.3); and if it never answered this run, one request used up its
 * attempts and another one failed, too.
 *
 * *error says the same in words. For everything but INVALID_ARGUMENT, run
 * koodrive_result_unfinished() when the cause is gone, unless it is empty: then nothing of this
 * result would change.
 *
 * If the service rejects a request's parameters (HTTP 400 with code 13000102), the request is halved
 * until the guilty id stands alone, with at most 30 extra requests for each request of 100.
 */
koodrive_status koodrive_client_delete_plan(const koodrive_client *client,
                                            const koodrive_plan *plan,
                                            const koodrive_monitor *monitor,
                                            koodrive_result **result,
                                            koodrive_error **error);

/**
 * Deletes what a plan holds, as koodrive_client_delete_plan() does, and writes down what it does in
 * a file, the journal. The same call with the same plan and file resumes a run that ended in any
 * way, also by kill or loss of power: ids with a final outcome keep it and are not sent again, ids
 * that may have been sent begin as UNKNOWN, and the result is that of the whole plan. If all is
 * final already, nothing is sent. Final are DELETED, NOT_FOUND, GONE, DUPLICATE and what was refused
 * for good: all that koodrive_result_unfinished() leaves out.
 *
 * journal_path: a regular file; it is made if it is not there, and only its owner may read it then
 * (0600; on Windows, whom its folder lets). It is locked (flock(2)) while the run goes on; on Windows
 * nobody can write to it, delete or rename it then. Before an id is sent it is safe on the disk
 * (fdatasync(2), FlushFileBuffers) that it may have been. It holds the ids, and never a secret. One
 * JSON object stands on each line: src/journal/FORMAT.md describes them. All later versions of the
 * library read it.
 *
 * The rest is as for koodrive_client_delete_plan(): *result, statuses, monitor. But after an
 * incomplete run call it again with the whole plan, not with koodrive_result_unfinished().
 * koodrive_result_request_count() counts the requests of this call only. And:
 *
 * - KOODRIVE_ERROR_INVALID_ARGUMENT also if the file can't be opened and written, is in use by
 *   another run, is no journal, belongs to another plan (other ids, devices or users, or another
 *   order) or endpoint, is of a newer format, or is damaged. The message says which, and the file is
 *   as it was. What a crash left of its last lines is no damage: it is cut off.
 * - KOODRIVE_ERROR_JOURNAL if it can't be written during the run, such as on a full disk, or was
 *   deleted or cut meanwhile, which is noticed about ten times a second: from then on nothing was
 *   sent; *result is there and true. It comes after CANCELLED, TIMED_OUT (of the run) and
 *   UNAUTHORIZED where several apply.
 */
koodrive_status koodrive_client_delete_plan_journaled(const koodrive_client *client,
                                                      const koodrive_plan *plan,
                                                      const char *journal_path,
                                                      const koodrive_monitor *monitor,
                                                      koodrive_result **result,
                                                      koodrive_error **error);

/**
 * Frees a client and closes its idle connections. No call may be using it. NULL is fine.
 */
void koodrive_client_free(koodrive_client *client);

#ifdef __cplusplus
}
#endif

#endif /* KOODRIVE_H */
