/* The whole interface, as its documentation says: numbers, names, lifetimes, lists, a run and its result.
 * The sandbox has the scopes "1842846715527000000" to "1842846715527000149" on every device, answers
 * the user "forbidden" with 403, and fails "7" with 15000999. */
#define _POSIX_C_SOURCE 200809L /* mkstemp */

#include "check.h"

#include <stdlib.h>
#include <unistd.h>

static void numbers_and_names(void) {
    CHECK(koodrive_abi_version() ==
          ((uint32_t)KOODRIVE_ABI_VERSION_MAJOR << 16 | KOODRIVE_ABI_VERSION_MINOR));
    CHECK(strcmp(koodrive_version(), "0.1.0") == 0);
    static const char *const statuses[] = {
        "OK",        "INVALID_ARGUMENT", "UNAUTHORIZED",     "UNREACHABLE", "TIMED_OUT",
        "CANCELLED", "SERVICE",          "INVALID_RESPONSE", "INTERNAL",    "JOURNAL"};
    for (koodrive_status status = 0; status < 10; status++) {
        CHECK(strcmp(koodrive_status_name(status), statuses[status]) == 0);
    }
    static const char *const outcomes[] = {"NOT_SENT", "DELETED", "NOT_FOUND", "DUPLICATE",
                                           "REJECTED", "GONE",    "UNKNOWN"};
    for (koodrive_outcome outcome = 0; outcome < 7; outcome++) {
        CHECK(strcmp(koodrive_outcome_name(outcome), outcomes[outcome]) == 0);
    }
    static const char *const events[] = {"UNDEFINED",    "REQUEST",      "RETRY",           "THROTTLED",
                                         "OUTAGE_BEGAN", "OUTAGE_ENDED", "CLOCK_CORRECTED", "STOPPING",
                                         "GIVEN_UP",     "UNDEFINED"};
    for (int32_t kind = 0; kind < 10; kind++) {
        CHECK(strcmp(koodrive_event_kind_name(kind), events[kind]) == 0);
    }
    CHECK(koodrive_outcome_if_tried(KOODRIVE_OUTCOME_NOT_FOUND) == KOODRIVE_OUTCOME_GONE);
    CHECK(koodrive_outcome_if_tried(KOODRIVE_OUTCOME_NOT_SENT) == KOODRIVE_OUTCOME_UNKNOWN);
    CHECK(koodrive_outcome_if_tried(KOODRIVE_OUTCOME_REJECTED) == KOODRIVE_OUTCOME_UNKNOWN);
    CHECK(koodrive_outcome_if_tried(KOODRIVE_OUTCOME_DELETED) == KOODRIVE_OUTCOME_DELETED);
    CHECK(koodrive_outcome_if_tried(-1) == -1);
    CHECK(strcmp(koodrive_status_name(-1), "UNDEFINED") == 0);
    CHECK(strcmp(koodrive_outcome_name(INT32_MAX), "UNDEFINED") == 0);
    CHECK(KOODRIVE_ERROR_INTERNAL == 8 && KOODRIVE_OUTCOME_UNKNOWN == 6);
    CHECK(KOODRIVE_EVENT_REQUEST == 1 && KOODRIVE_EVENT_GIVEN_UP == 8);
}

static void a_run(const koodrive_client *client) {
    koodrive_plan *plan = koodrive_plan_new();
    const char *ids[] = {"1842846715527000000", "1842846715527000000", "345", "7"};
    OK(koodrive_plan_add(plan, NULL, DEVICE, ids, 4, &error));
    OK(koodrive_plan_add(plan, "forbidden", "phone of Li/2", ids, 1, &error));
    static const char lines[] = "1842846715527000001\n1842846715527000002\n";
    OK(koodrive_plan_add_lines(plan, NULL, DEVICE, lines, strlen(lines), 2, &error));
    OK(koodrive_plan_add(plan, "forgotten", DEVICE, ids, 4, &error));
    OK(koodrive_plan_truncate(plan, 7, &error));
    OK(koodrive_plan_truncate(plan, 8, &error));
    CHECK(koodrive_plan_scope_count(plan) == 7);
    CHECK(koodrive_plan_request_count(plan) == 2);

    koodrive_monitor *monitor = koodrive_monitor_new();
    koodrive_result *result = NULL;
    koodrive_error *error = NULL;
    CHECK(koodrive_client_delete_plan(client, plan, monitor, &result, &error) == KOODRIVE_ERROR_SERVICE);
    koodrive_plan_free(plan);
    CHECK(koodrive_monitor_scopes_done(monitor) == 7);
    CHECK(koodrive_monitor_scopes_total(monitor) == 7);
    koodrive_monitor_free(monitor);
    CHECK(koodrive_error_status(error) == KOODRIVE_ERROR_SERVICE);
    CHECK(koodrive_error_http_status(error) == 403);
    CHECK(koodrive_error_service_code(error) != NULL);
    CHECK(koodrive_error_request_id(error) != NULL);
    CHECK(!koodrive_error_is_retryable(error));
    koodrive_error_free(error);

    static const koodrive_outcome expected[] = {KOODRIVE_OUTCOME_DELETED,   KOODRIVE_OUTCOME_DUPLICATE,
                                                KOODRIVE_OUTCOME_NOT_FOUND, KOODRIVE_OUTCOME_REJECTED,
                                                KOODRIVE_OUTCOME_REJECTED,  KOODRIVE_OUTCOME_DELETED,
                                                KOODRIVE_OUTCOME_DELETED};
    CHECK(koodrive_result_count(result) == 7);
    CHECK(memcmp(koodrive_result_outcomes(result), expected, sizeof expected) == 0);
    CHECK(koodrive_result_request_count(result) == 2);
    CHECK(koodrive_result_tally(result, KOODRIVE_OUTCOME_DELETED) == 3);
    CHECK(koodrive_result_tally(result, 99) == 0);
    CHECK(strcmp(koodrive_result_scope_id(result, 6), "1842846715527000002") == 0);
    CHECK(strcmp(koodrive_result_device_id(result, 4), "phone of Li/2") == 0);
    CHECK(strcmp(koodrive_result_user_id(result, 4), "forbidden") == 0);
    CHECK(strcmp(koodrive_result_user_id(result, 0), "1505084218764547200") == 0);
    CHECK(strcmp(koodrive_result_service_code(result, 1), "15000424") == 0);
    CHECK(strcmp(koodrive_result_service_code(result, 2), "15000418") == 0);
    CHECK(strcmp(koodrive_result_message(result, 3), "The scope is locked.") == 0);
    CHECK(koodrive_result_service_code(result, 0) == NULL);
    CHECK(koodrive_result_message(result, 0) == NULL);
    CHECK(koodrive_result_scope_id(result, 7) == NULL);
    CHECK(koodrive_result_message(result, SIZE_MAX) == NULL);

    size_t cursor = 0, index = 99;
    CHECK(koodrive_result_next_failure(result, &cursor, &index) && index == 3);
    CHECK(koodrive_result_next_failure(result, &cursor, &index) && index == 4);
    CHECK(!koodrive_result_next_failure(result, &cursor, &index));
    CHECK(!koodrive_result_next_failure(result, &cursor, &index));

    cursor = 0;
    CHECK(koodrive_result_next_unfinished(result, &cursor, &index) && index == 4);
    CHECK(!koodrive_result_next_unfinished(result, &cursor, &index));

    koodrive_plan *unfinished = koodrive_result_unfinished(result);
    CHECK(koodrive_plan_scope_count(unfinished) == 1);
    OK(koodrive_plan_mark_tried(unfinished, &error));
    koodrive_plan_free(unfinished);
    koodrive_result_free(result);
}

static void delete_scopes(const koodrive_client *client, const char *device) {
    const char *ids[] = {"1842846715527000000", "345"};
    koodrive_result *result = NULL;
    OK(koodrive_client_delete_scopes(client, device, ids, 2, NULL, &result, &error));
    CHECK(koodrive_result_outcomes(result)[0] == KOODRIVE_OUTCOME_DELETED);
    CHECK(koodrive_result_outcomes(result)[1] == KOODRIVE_OUTCOME_NOT_FOUND);
    koodrive_result_free(result);
    OK(koodrive_client_delete_scopes(client, device, NULL, 0, NULL, &result, &error));
    CHECK(koodrive_result_count(result) == 0);
    koodrive_result_free(result);
}

static void a_plan_that_was_tried(const koodrive_client *client) {
    const char *ids[] = {"345"};
    koodrive_plan *plan = koodrive_plan_new();
    koodrive_result *result = NULL;
    OK(koodrive_plan_add(plan, NULL, DEVICE, ids, 1, &error));
    OK(koodrive_plan_mark_tried(plan, &error));
    OK(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    CHECK(koodrive_result_outcomes(result)[0] == KOODRIVE_OUTCOME_GONE);
    koodrive_result_free(result);
    koodrive_plan_free(plan);
}

static void a_journaled_run(const koodrive_client *client) {
    const char *ids[] = {"345", "346"};
    char path[] = "/tmp/koodrive-journal-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0 && close(file) == 0);
    koodrive_plan *plan = koodrive_plan_new();
    OK(koodrive_plan_add(plan, NULL, DEVICE, ids, 2, &error));
    for (size_t requests = 2; requests-- > 0;) {
        koodrive_result *result = NULL;
        OK(koodrive_client_delete_plan_journaled(client, plan, path, NULL, &result, &error));
        CHECK(koodrive_result_tally(result, KOODRIVE_OUTCOME_NOT_FOUND) == 2);
        CHECK(koodrive_result_request_count(result) == requests);
        koodrive_result_free(result);
    }
    koodrive_result *result = NULL;
    OK(koodrive_plan_add(plan, NULL, DEVICE, ids, 1, &error));
    REFUSED("journal: ",
            koodrive_client_delete_plan_journaled(client, plan, path, NULL, &result, &error));
    CHECK(result == NULL);
    koodrive_plan_free(plan);
    CHECK(unlink(path) == 0);
}

/* Two ids, and three of a user who is answered with 403. */
static koodrive_plan *plan_of_two_requests(void) {
    koodrive_plan *plan = koodrive_plan_new();
    const char *ids[] = {"1842846715527000001", "345", "346"};
    OK(koodrive_plan_add(plan, NULL, "4", ids, 2, &error));
    OK(koodrive_plan_add(plan, "forbidden", "4", ids, 3, &error));
    return plan;
}

static void the_events_of_a_run(const koodrive_client *client) {
    koodrive_plan *plan = plan_of_two_requests();
    koodrive_monitor *monitor = koodrive_monitor_new();
    koodrive_result *result = NULL;
    OK(koodrive_monitor_keep_events(monitor, 10, &error));
    CHECK(koodrive_monitor_next_event(monitor) == NULL);
    CHECK(koodrive_client_delete_plan(client, plan, monitor, &result, NULL) == KOODRIVE_ERROR_SERVICE);
    koodrive_result_free(result);
    CHECK(koodrive_monitor_requests_sent(monitor) == 2);
    CHECK(koodrive_monitor_retries(monitor) == 0 && koodrive_monitor_throttles(monitor) == 0);
    koodrive_event *event = NULL;
    size_t scopes = 0, given_up = 0;
    while ((event = koodrive_monitor_next_event(monitor)) != NULL) {
        bool is_request = koodrive_event_kind(event) == KOODRIVE_EVENT_REQUEST;
        CHECK(koodrive_event_attempt(event) == 1);
        CHECK(koodrive_event_duration_ms(event) <= koodrive_event_elapsed_ms(event));
        CHECK(koodrive_event_http_status(event) == (koodrive_event_scope_count(event) == 3 ? 403 : 200));
        CHECK(strlen(koodrive_event_message(event)) > 0);
        CHECK(strlen(koodrive_event_request_id(event)) > 0);
        bool is_forbidden = koodrive_event_http_status(event) == 403;
        CHECK(strcmp(koodrive_event_user_id(event),
                     is_forbidden ? "forbidden" : "1505084218764547200") == 0);
        CHECK(strcmp(koodrive_event_device_id(event), "4") == 0);
        CHECK(strcmp(koodrive_event_first_scope_id(event), "1842846715527000001") == 0);
        CHECK(koodrive_event_rate(event) == 0);
        if (is_request) {
            scopes += koodrive_event_scope_count(event);
        } else {
            CHECK(koodrive_event_kind(event) == KOODRIVE_EVENT_GIVEN_UP && is_forbidden);
            given_up += koodrive_event_scope_count(event);
        }
        koodrive_event_free(event);
    }
    CHECK(scopes == 5 && given_up == 3 && koodrive_monitor_events_dropped(monitor) == 0);
    koodrive_monitor_free(monitor);
    koodrive_plan_free(plan);
}

/* The oldest go when there is no room; what is left is freed with the monitor, and what was taken is not. */
static void events_without_room(const koodrive_client *client) {
    koodrive_plan *plan = plan_of_two_requests();
    koodrive_monitor *monitor = koodrive_monitor_new();
    OK(koodrive_monitor_keep_events(monitor, 1, &error));
    for (size_t run = 1; run <= 2; run++) {
        koodrive_result *result = NULL;
        (void)koodrive_client_delete_plan(client, plan, monitor, &result, NULL);
        koodrive_result_free(result);
        CHECK(koodrive_monitor_events_dropped(monitor) == 3 * run - 1);
    }
    koodrive_event *event = koodrive_monitor_next_event(monitor);
    CHECK(koodrive_monitor_next_event(monitor) == NULL);
    OK(koodrive_monitor_keep_events(monitor, 2, &error));
    CHECK(koodrive_monitor_events_dropped(monitor) == 0);
    koodrive_devices *devices = NULL;
    OK(koodrive_client_list_devices(client, "Li", monitor, &devices, &error));
    koodrive_devices_free(devices);
    koodrive_monitor_free(monitor);
    koodrive_plan_free(plan);
    CHECK(strlen(koodrive_event_message(event)) > 0);
    koodrive_event_free(event);
}

static void a_cancelled_run(const koodrive_client *client) {
    const char *ids[] = {"1"};
    koodrive_monitor *monitor = koodrive_monitor_new();
    koodrive_result *result = NULL;
    koodrive_monitor_cancel(monitor);
    CHECK(koodrive_client_delete_scopes(client, DEVICE, ids, 1, monitor, &result, NULL) ==
          KOODRIVE_ERROR_CANCELLED);
    CHECK(koodrive_result_outcomes(result)[0] == KOODRIVE_OUTCOME_NOT_SENT);
    CHECK(koodrive_result_message(result, 0) != NULL);
    koodrive_result_free(result);
    koodrive_monitor_free(monitor);
}

static void a_list_of_devices(const koodrive_client *client) {
    koodrive_devices *devices = NULL;
    OK(koodrive_client_list_devices(client, "Li", NULL, &devices, &error));
    CHECK(koodrive_devices_count(devices) == 1);
    CHECK(strcmp(koodrive_devices_device_id(devices, 0), DEVICE) == 0);
    CHECK(strcmp(koodrive_devices_name(devices, 0), "Phone 1") == 0);
    CHECK(strcmp(koodrive_devices_os(devices, 0), "Android 15") == 0);
    CHECK(strcmp(koodrive_devices_machine_code(devices, 0), "20250911") == 0);
    CHECK(strcmp(koodrive_devices_created_at(devices, 0), "2025-09-15T06:14:48.630Z") == 0);
    CHECK(koodrive_devices_device_id(devices, 1) == NULL);
    CHECK(koodrive_devices_name(devices, 1) == NULL);
    CHECK(koodrive_devices_os(devices, SIZE_MAX) == NULL);
    CHECK(koodrive_devices_machine_code(devices, SIZE_MAX) == NULL);
    CHECK(koodrive_devices_created_at(devices, SIZE_MAX) == NULL);
    koodrive_devices_free(devices);
}

/* Of a device that was not there before ids of it were asked for the sandbox says nothing but its id. */
static void a_device_without_details(const koodrive_client *client) {
    const char *ids[] = {"345"};
    koodrive_plan *plan = koodrive_plan_new();
    koodrive_result *result = NULL;
    koodrive_devices *devices = NULL;
    OK(koodrive_plan_add(plan, "Bo", "3", ids, 1, &error));
    OK(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    koodrive_result_free(result);
    koodrive_plan_free(plan);
    OK(koodrive_client_list_devices(client, "Bo", NULL, &devices, &error));
    CHECK(koodrive_devices_count(devices) == 2);
    CHECK(strcmp(koodrive_devices_device_id(devices, 1), "3") == 0);
    CHECK(koodrive_devices_name(devices, 1) == NULL && koodrive_devices_os(devices, 1) == NULL);
    CHECK(koodrive_devices_machine_code(devices, 1) == NULL);
    CHECK(koodrive_devices_created_at(devices, 1) == NULL);
    koodrive_devices_free(devices);
}

static size_t count_scopes(const koodrive_client *client, const char *user, const char *module_code) {
    koodrive_scopes *scopes = NULL;
    OK(koodrive_client_list_scopes(client, user, DEVICE, module_code, NULL, &scopes, &error));
    size_t count = koodrive_scopes_count(scopes);
    koodrive_scopes_free(scopes);
    return count;
}

static void what_is_listed_can_be_deleted(const koodrive_client *client) {
    koodrive_scopes *scopes = NULL;
    OK(koodrive_client_list_scopes(client, "Li", DEVICE, "101", NULL, &scopes, &error));
    CHECK(koodrive_scopes_count(scopes) == 15);
    CHECK(strcmp(koodrive_scopes_scope_id(scopes, 0), "1842846715527000008") == 0);
    CHECK(strcmp(koodrive_scopes_module_code(scopes, 14), "101") == 0);
    CHECK(strcmp(koodrive_scopes_local_path(scopes, 14), "/DCIM/Album 149") == 0);
    CHECK(strcmp(koodrive_scopes_target_folder_path(scopes, 0), "/backup") == 0);
    CHECK(strcmp(koodrive_scopes_created_at(scopes, 0), "2025-09-15T06:14:48.630Z") == 0);
    CHECK(koodrive_scopes_scope_id(scopes, 15) == NULL &&
          koodrive_scopes_module_code(scopes, 15) == NULL);
    CHECK(koodrive_scopes_local_path(scopes, SIZE_MAX) == NULL);
    CHECK(koodrive_scopes_target_folder_path(scopes, SIZE_MAX) == NULL);
    CHECK(koodrive_scopes_created_at(scopes, SIZE_MAX) == NULL);

    koodrive_plan *plan = koodrive_plan_new();
    koodrive_result *result = NULL;
    OK(koodrive_plan_add_scopes(plan, scopes, &error));
    koodrive_scopes_free(scopes);
    CHECK(koodrive_plan_scope_count(plan) == 15);
    OK(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    koodrive_plan_free(plan);
    CHECK(koodrive_result_tally(result, KOODRIVE_OUTCOME_DELETED) == 15);
    CHECK(strcmp(koodrive_result_user_id(result, 0), "Li") == 0);
    CHECK(strcmp(koodrive_result_device_id(result, 0), DEVICE) == 0);
    koodrive_result_free(result);
    CHECK(count_scopes(client, "Li", "101") == 0);
    CHECK(count_scopes(client, "Li", NULL) == 135);
    CHECK(count_scopes(client, NULL, NULL) == 150);
}

static void lists_that_fail(const koodrive_client *client) {
    koodrive_monitor *monitor = koodrive_monitor_new();
    koodrive_devices *devices = NULL;
    koodrive_scopes *scopes = NULL;
    koodrive_error *error = NULL;
    CHECK(koodrive_client_list_devices(client, "forbidden", monitor, &devices, &error) ==
          KOODRIVE_ERROR_SERVICE);
    CHECK(devices == NULL);
    CHECK(koodrive_error_http_status(error) == 403);
    CHECK(koodrive_error_service_code(error) != NULL);
    CHECK(koodrive_error_request_id(error) != NULL);
    koodrive_error_free(error);
    CHECK(koodrive_client_list_scopes(client, NULL, DEVICE, "999", NULL, &scopes, &error) ==
          KOODRIVE_ERROR_SERVICE);
    CHECK(scopes == NULL);
    CHECK(strcmp(koodrive_error_service_code(error), "13000102") == 0);
    koodrive_error_free(error);
    koodrive_monitor_cancel(monitor);
    CHECK(koodrive_client_list_scopes(client, NULL, DEVICE, NULL, monitor, &scopes, NULL) ==
          KOODRIVE_ERROR_CANCELLED);
    CHECK(scopes == NULL && koodrive_monitor_scopes_total(monitor) == 0);
    koodrive_monitor_free(monitor);
}

int main(void) {
    numbers_and_names();
    koodrive_client *client = sandbox_client();
    a_list_of_devices(client);
    a_device_without_details(client);
    what_is_listed_can_be_deleted(client);
    lists_that_fail(client);
    a_run(client);
    delete_scopes(client, "2");
    a_plan_that_was_tried(client);
    a_journaled_run(client);
    the_events_of_a_run(client);
    events_without_room(client);
    a_cancelled_run(client);
    OK(koodrive_client_set_access_token(client, "another-token", &error));
    OK(koodrive_client_set_authorization(client, "Bearer a-third-token", &error));
    delete_scopes(client, "3");
    koodrive_client_free(client);
    return 0;
}
