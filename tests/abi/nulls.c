/* Every function takes NULL for every pointer, and says so instead of crashing. */
#include "check.h"

#define MUST_NOT_BE_NULL "must not be NULL"

static void readers(void) {
    CHECK(koodrive_error_status(NULL) == KOODRIVE_OK);
    CHECK(koodrive_error_message(NULL) == NULL);
    CHECK(koodrive_error_http_status(NULL) == 0);
    CHECK(koodrive_error_service_code(NULL) == NULL);
    CHECK(koodrive_error_request_id(NULL) == NULL);
    CHECK(!koodrive_error_is_retryable(NULL));
    CHECK(koodrive_devices_count(NULL) == 0);
    CHECK(koodrive_devices_device_id(NULL, 0) == NULL);
    CHECK(koodrive_devices_name(NULL, 0) == NULL);
    CHECK(koodrive_devices_os(NULL, 0) == NULL);
    CHECK(koodrive_devices_machine_code(NULL, 0) == NULL);
    CHECK(koodrive_devices_created_at(NULL, 0) == NULL);
    CHECK(koodrive_scopes_count(NULL) == 0);
    CHECK(koodrive_scopes_scope_id(NULL, 0) == NULL);
    CHECK(koodrive_scopes_module_code(NULL, 0) == NULL);
    CHECK(koodrive_scopes_local_path(NULL, 0) == NULL);
    CHECK(koodrive_scopes_target_folder_path(NULL, 0) == NULL);
    CHECK(koodrive_scopes_created_at(NULL, 0) == NULL);
    CHECK(koodrive_plan_scope_count(NULL) == 0);
    CHECK(koodrive_plan_request_count(NULL) == 0);
    CHECK(koodrive_monitor_scopes_done(NULL) == 0);
    CHECK(koodrive_monitor_scopes_total(NULL) == 0);
    CHECK(koodrive_monitor_requests_sent(NULL) == 0);
    CHECK(koodrive_monitor_retries(NULL) == 0);
    CHECK(koodrive_monitor_throttles(NULL) == 0);
    CHECK(koodrive_monitor_next_event(NULL) == NULL);
    CHECK(koodrive_monitor_events_dropped(NULL) == 0);
    CHECK(koodrive_event_kind(NULL) == 0);
    CHECK(koodrive_event_message(NULL) == NULL);
    CHECK(koodrive_event_request_id(NULL) == NULL);
    CHECK(koodrive_event_http_status(NULL) == 0);
    CHECK(koodrive_event_elapsed_ms(NULL) == 0);
    CHECK(koodrive_event_duration_ms(NULL) == 0);
    CHECK(koodrive_event_scope_count(NULL) == 0);
    CHECK(koodrive_event_attempt(NULL) == 0);
    CHECK(koodrive_event_user_id(NULL) == NULL);
    CHECK(koodrive_event_device_id(NULL) == NULL);
    CHECK(koodrive_event_first_scope_id(NULL) == NULL);
    CHECK(koodrive_event_rate(NULL) == 0);
    CHECK(koodrive_result_count(NULL) == 0);
    CHECK(koodrive_result_outcomes(NULL) == NULL);
    CHECK(koodrive_result_tally(NULL, KOODRIVE_OUTCOME_DELETED) == 0);
    CHECK(koodrive_result_request_count(NULL) == 0);
    CHECK(koodrive_result_scope_id(NULL, 0) == NULL);
    CHECK(koodrive_result_device_id(NULL, 0) == NULL);
    CHECK(koodrive_result_user_id(NULL, 0) == NULL);
    CHECK(koodrive_result_service_code(NULL, 0) == NULL);
    CHECK(koodrive_result_message(NULL, 0) == NULL);
    CHECK(koodrive_result_unfinished(NULL) == NULL);
    size_t cursor = 0, index = 0;
    CHECK(!koodrive_result_next_failure(NULL, &cursor, &index));
    CHECK(!koodrive_result_next_unfinished(NULL, &cursor, &index));
    koodrive_monitor_cancel(NULL);
}

static void enders(void) {
    koodrive_error_free(NULL);
    koodrive_config_free(NULL);
    koodrive_client_free(NULL);
    koodrive_devices_free(NULL);
    koodrive_scopes_free(NULL);
    koodrive_plan_free(NULL);
    koodrive_event_free(NULL);
    koodrive_monitor_free(NULL);
    koodrive_result_free(NULL);
}

static void config_setters(void) {
    koodrive_config *config = koodrive_config_new();
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_load_env(NULL, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_endpoint(NULL, "https://host", &error));
    REFUSED("endpoint: " MUST_NOT_BE_NULL, koodrive_config_set_endpoint(config, NULL, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_user_id(NULL, "u", &error));
    REFUSED("user_id: " MUST_NOT_BE_NULL, koodrive_config_set_user_id(config, NULL, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_access_token(NULL, "t", &error));
    REFUSED("access_token: " MUST_NOT_BE_NULL, koodrive_config_set_access_token(config, NULL, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_authorization(NULL, "a", &error));
    REFUSED("authorization: " MUST_NOT_BE_NULL, koodrive_config_set_authorization(config, NULL, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_app_credentials(NULL, "i", "s", &error));
    REFUSED("app_id: " MUST_NOT_BE_NULL, koodrive_config_set_app_credentials(config, NULL, "s", &error));
    REFUSED("app_secret: " MUST_NOT_BE_NULL,
            koodrive_config_set_app_credentials(config, "i", NULL, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_ca_file(NULL, "f", &error));
    REFUSED("ca_file: " MUST_NOT_BE_NULL, koodrive_config_set_ca_file(config, NULL, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_proxy(NULL, "http://p", &error));
    REFUSED("proxy: " MUST_NOT_BE_NULL, koodrive_config_set_proxy(config, NULL, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_connect_timeout_ms(NULL, 1, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_request_timeout_ms(NULL, 1, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_run_timeout_ms(NULL, 1, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_max_outage_ms(NULL, 1, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_max_attempts(NULL, 1, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_max_connections(NULL, 1, &error));
    REFUSED(MUST_NOT_BE_NULL, koodrive_config_set_max_requests_per_second(NULL, 1, &error));
    CHECK(koodrive_config_set_endpoint(config, NULL, NULL) == KOODRIVE_ERROR_INVALID_ARGUMENT);
    koodrive_config_free(config);
}

static void event_keeper(void) {
    koodrive_monitor *monitor = koodrive_monitor_new();
    REFUSED("monitor: " MUST_NOT_BE_NULL, koodrive_monitor_keep_events(NULL, 1, &error));
    CHECK(koodrive_monitor_keep_events(NULL, 1, NULL) == KOODRIVE_ERROR_INVALID_ARGUMENT);
    CHECK(koodrive_monitor_keep_events(monitor, 1, NULL) == KOODRIVE_OK);
    CHECK(koodrive_monitor_next_event(monitor) == NULL);
    koodrive_monitor_free(monitor);
}

static void plan_adders(void) {
    const char *ids[] = {"1", NULL};
    koodrive_plan *plan = koodrive_plan_new();
    REFUSED("plan: ", koodrive_plan_add(NULL, NULL, DEVICE, ids, 1, &error));
    REFUSED("device_id: ", koodrive_plan_add(plan, NULL, NULL, ids, 1, &error));
    REFUSED("scope_ids: ", koodrive_plan_add(plan, NULL, DEVICE, NULL, 1, &error));
    REFUSED("scope_ids[1]", koodrive_plan_add(plan, NULL, DEVICE, ids, 2, &error));
    REFUSED("plan: ", koodrive_plan_add_lines(NULL, NULL, DEVICE, "1", 1, 1, &error));
    REFUSED("device_id: ", koodrive_plan_add_lines(plan, NULL, NULL, "1", 1, 1, &error));
    REFUSED("text: ", koodrive_plan_add_lines(plan, NULL, DEVICE, NULL, 1, 1, &error));
    REFUSED("scopes: ", koodrive_plan_add_scopes(plan, NULL, &error));
    REFUSED("stream: ", koodrive_plan_add_arrow(plan, NULL, &error));
    struct ArrowArrayStream stream;
    REFUSED("result: ", koodrive_result_to_arrow(NULL, &stream, &error));
    CHECK(stream.release == NULL);
    REFUSED("result: ", koodrive_result_to_arrow(NULL, NULL, &error));
    REFUSED("plan: ", koodrive_plan_truncate(NULL, 0, &error));
    REFUSED("plan: ", koodrive_plan_mark_tried(NULL, &error));
    CHECK(koodrive_plan_scope_count(plan) == 0);
    OK(koodrive_plan_add(plan, NULL, DEVICE, NULL, 0, &error));
    OK(koodrive_plan_add_lines(plan, NULL, DEVICE, NULL, 0, 0, &error));
    CHECK(koodrive_plan_scope_count(plan) == 0);
    koodrive_plan_free(plan);
}

static void lists(void) {
    koodrive_client *client = sandbox_client();
    koodrive_devices *devices = (koodrive_devices *)client;
    koodrive_scopes *scopes = (koodrive_scopes *)client;
    REFUSED("client: ", koodrive_client_list_devices(NULL, "u", NULL, &devices, &error));
    CHECK(devices == NULL);
    REFUSED("devices: ", koodrive_client_list_devices(client, NULL, NULL, NULL, &error));
    OK(koodrive_client_list_devices(client, NULL, NULL, &devices, &error));
    CHECK(koodrive_devices_count(devices) == 1);
    koodrive_devices_free(devices);

    REFUSED("client: ", koodrive_client_list_scopes(NULL, NULL, DEVICE, NULL, NULL, &scopes, &error));
    CHECK(scopes == NULL);
    scopes = (koodrive_scopes *)client;
    REFUSED("device_id: ", koodrive_client_list_scopes(client, NULL, NULL, NULL, NULL, &scopes, &error));
    CHECK(scopes == NULL);
    REFUSED("scopes: ", koodrive_client_list_scopes(client, NULL, DEVICE, NULL, NULL, NULL, &error));
    OK(koodrive_client_list_scopes(client, NULL, DEVICE, NULL, NULL, &scopes, &error));
    CHECK(koodrive_scopes_count(scopes) == 150);
    REFUSED("plan: ", koodrive_plan_add_scopes(NULL, scopes, &error));
    koodrive_scopes_free(scopes);
    koodrive_client_free(client);
}

static void client_calls(void) {
    const char *ids[] = {"1"};
    koodrive_config *config = sandbox_config();
    koodrive_plan *plan = koodrive_plan_new();
    koodrive_client *client = (koodrive_client *)config;
    REFUSED("config: ", koodrive_client_new(NULL, &client, &error));
    CHECK(client == NULL);
    REFUSED("client: ", koodrive_client_new(config, NULL, &error));
    OK(koodrive_client_new(config, &client, &error));
    REFUSED("client: ", koodrive_client_set_access_token(NULL, "t", &error));
    REFUSED("access_token: ", koodrive_client_set_access_token(client, NULL, &error));
    REFUSED("client: ", koodrive_client_set_authorization(NULL, "a", &error));
    REFUSED("authorization: ", koodrive_client_set_authorization(client, NULL, &error));

    koodrive_result *result = (koodrive_result *)config;
    REFUSED("client: ", koodrive_client_delete_scopes(NULL, DEVICE, ids, 1, NULL, &result, &error));
    CHECK(result == NULL);
    REFUSED("device_id: ", koodrive_client_delete_scopes(client, NULL, ids, 1, NULL, &result, &error));
    REFUSED("scope_ids: ",
            koodrive_client_delete_scopes(client, DEVICE, NULL, 1, NULL, &result, &error));
    REFUSED("result: ", koodrive_client_delete_scopes(client, DEVICE, ids, 1, NULL, NULL, &error));
    result = (koodrive_result *)config;
    REFUSED("client: ", koodrive_client_delete_plan(NULL, plan, NULL, &result, &error));
    CHECK(result == NULL);
    REFUSED("plan: ", koodrive_client_delete_plan(client, NULL, NULL, &result, &error));
    REFUSED("result: ", koodrive_client_delete_plan(client, plan, NULL, NULL, &error));

    const char *path = "/dev/null";
    REFUSED("client: ", koodrive_client_delete_plan_journaled(NULL, plan, path, NULL, &result, &error));
    REFUSED("plan: ", koodrive_client_delete_plan_journaled(client, NULL, path, NULL, &result, &error));
    REFUSED("journal_path: ",
            koodrive_client_delete_plan_journaled(client, plan, NULL, NULL, &result, &error));
    REFUSED("journal_path: ",
            koodrive_client_delete_plan_journaled(client, plan, "", NULL, &result, &error));
    REFUSED("result: ", koodrive_client_delete_plan_journaled(client, plan, path, NULL, NULL, &error));
    OK(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    CHECK(koodrive_result_count(result) == 0);
    CHECK(koodrive_result_outcomes(result) == NULL);
    size_t cursor = 0, index = 0;
    CHECK(!koodrive_result_next_failure(result, NULL, &index));
    CHECK(!koodrive_result_next_failure(result, &cursor, NULL));
    CHECK(!koodrive_result_next_unfinished(result, NULL, &index));
    CHECK(!koodrive_result_next_failure(result, &cursor, &index));
    koodrive_result_free(result);
    koodrive_client_free(client);
    koodrive_plan_free(plan);
    koodrive_config_free(config);
}

int main(void) {
    readers();
    enders();
    config_setters();
    event_keeper();
    plan_adders();
    lists();
    client_calls();
    return 0;
}
