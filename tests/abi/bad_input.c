/* What is refused, and what the message says. The harness checks that nothing is ever sent. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static koodrive_plan *plan;
static koodrive_config *config;

static koodrive_status add(const char *device, const char *id, koodrive_error **error) {
    return koodrive_plan_add(plan, NULL, device, &id, 1, error);
}

static void scope_ids(void) {
    char longest[130], too_long[130];
    memset(longest, '1', 128);
    longest[128] = '\0';
    memset(too_long, '1', 129);
    too_long[129] = '\0';
    REFUSED("scope_ids[0] \"\" is empty", add(DEVICE, "", &error));
    REFUSED("longer than 128 bytes", add(DEVICE, too_long, &error));
    REFUSED("visible ASCII", add(DEVICE, "1 2", &error));
    REFUSED("visible ASCII", add(DEVICE, "1\t", &error));
    REFUSED("visible ASCII", add(DEVICE, "\xc3\xa9", &error));
    REFUSED("carriage return", add(DEVICE, "1\r", &error));
    REFUSED("scope_ids[0] is not UTF-8", add(DEVICE, "\xff", &error));
    static const char *const damaged[] = {"1842846715527366700.0",
                                          "1.8428467155273667e18",
                                          "1.84285E+18",
                                          "1,84285E+18",
                                          "1e5",
                                          "-1.5",
                                          ".5",
                                          "5."};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        REFUSED("spreadsheet", add(DEVICE, damaged[i], &error));
        REFUSED(damaged[i], add(DEVICE, damaged[i], &error));
    }
    REFUSED("UnSafeInteger", add(DEVICE, "1842846715527366700VW5TYWZlSW50ZWdlcg==", &error));
    CHECK(koodrive_plan_scope_count(plan) == 0);
    static const char *const fine[] = {"0", "a", "1e", "e5", "1.2.3", "v1.2", "-5", "~!@#"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        OK(add(DEVICE, fine[i], &error));
    }
    OK(add(DEVICE, longest, &error));
}

/* The API reference's own request, word for word. */
static void the_pages_request(void) {
    const char *ids[] = {"123",
                         "123",
                         "345",
                         "1760265745989677300VW5TYWZlSW50ZWdlcg==",
                         "1752777931588940000VW5TYWZlSW50ZWdlcg==",
                         "1752990708303704300VW5TYWZlSW50ZWdlcg==",
                         "1842846715527366700VW5TYWZlSW50ZWdlcg=="};
    size_t before = koodrive_plan_scope_count(plan);
    for (size_t i = 3; i < 7; i++) {
        char index[32];
        snprintf(index, sizeof index, "scope_ids[%zu]", i);
        REFUSED(index, koodrive_plan_add(plan, NULL, DEVICE, ids, 7, &error));
        REFUSED(ids[i], koodrive_plan_add(plan, NULL, DEVICE, ids, 7, &error));
    }
    CHECK(koodrive_plan_scope_count(plan) == before);
}

static void lines(void) {
    size_t before = koodrive_plan_scope_count(plan);
    REFUSED("count: 3 ids were announced, text holds 2 lines",
            koodrive_plan_add_lines(plan, NULL, DEVICE, "1\n2\n", 4, 3, &error));
    REFUSED("scope_ids[1] \"\" is empty",
            koodrive_plan_add_lines(plan, NULL, DEVICE, "1\n\n2", 4, 0, &error));
    REFUSED("scope_ids[0] \"\" is empty",
            koodrive_plan_add_lines(plan, NULL, DEVICE, "\n", 1, 0, &error));
    REFUSED("carriage return", koodrive_plan_add_lines(plan, NULL, DEVICE, "1\r\n2\r\n", 6, 0, &error));
    REFUSED("text: scope_ids[1] is not UTF-8",
            koodrive_plan_add_lines(plan, NULL, DEVICE, "1\n\xff", 3, 0, &error));
    REFUSED("visible ASCII", koodrive_plan_add_lines(plan, NULL, DEVICE, "1\0", 2, 0, &error));
    REFUSED("text: ", koodrive_plan_add_lines(plan, NULL, DEVICE, "1", SIZE_MAX, 0, &error));
    CHECK(koodrive_plan_scope_count(plan) == before);
    OK(koodrive_plan_add_lines(plan, NULL, DEVICE, "101\n102", 7, 2, &error));
    OK(koodrive_plan_add_lines(plan, NULL, DEVICE, "", 0, 0, &error));
    CHECK(koodrive_plan_scope_count(plan) == before + 2);
}

static void device_ids(void) {
    char longest[514], too_long[514];
    memset(longest, 'd', 512);
    longest[512] = '\0';
    memset(too_long, 'd', 513);
    too_long[513] = '\0';
    REFUSED("device_id: must not be empty", add("", "1", &error));
    REFUSED("device_id: ", add(".", "1", &error));
    REFUSED("device_id: ", add("..", "1", &error));
    REFUSED("512 bytes", add(too_long, "1", &error));
    REFUSED("control characters", add("a\nb", "1", &error));
    REFUSED("device_id: is not UTF-8", add("\xff", "1", &error));
    static const char *const fine[] = {"...", "a/b", "?", "#", "%2F", " ", "\xe8\xae\xbe"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        OK(add(fine[i], "1", &error));
    }
    OK(add(longest, "1", &error));
}

/* A message about a header value must not show it. */
#define REFUSED_SECRETLY(text, secret, call)                                                            \
    do {                                                                                                \
        koodrive_error *error = NULL;                                                                   \
        CHECK((call) == KOODRIVE_ERROR_INVALID_ARGUMENT);                                               \
        CHECK(strstr(koodrive_error_message(error), text) != NULL);                                     \
        CHECK(strstr(koodrive_error_message(error), secret) == NULL);                                   \
        koodrive_error_free(error);                                                                     \
    } while (0)

static void header_values(void) {
    const char *id = "1";
    REFUSED("user_id: ", koodrive_plan_add(plan, "", DEVICE, &id, 1, &error));
    REFUSED("user_id: ", koodrive_plan_add(plan, "a\r\nX-Evil: 1", DEVICE, &id, 1, &error));
    REFUSED("user_id: ", koodrive_config_set_user_id(config, "a\x7f", &error));
    REFUSED("user_id: ", koodrive_config_set_user_id(config, " a", &error));
    REFUSED_SECRETLY("access_token: ", "hush",
                     koodrive_config_set_access_token(config, "hush\n", &error));
    REFUSED_SECRETLY("access_token: ", "hush",
                     koodrive_config_set_access_token(config, "hush\xc3\xa9", &error));
    REFUSED_SECRETLY("authorization: ", "hush",
                     koodrive_config_set_authorization(config, "Bearer\thush", &error));
    REFUSED("access_token: must not be empty", koodrive_config_set_access_token(config, "", &error));
    REFUSED("app_id: ", koodrive_config_set_app_credentials(config, "", "s", &error));
    REFUSED("app_secret: ", koodrive_config_set_app_credentials(config, "a", "", &error));
}

static void endpoints(void) {
    static const struct {
        const char *url, *rule;
    } bad[] = {
        {"", "URL"},
        {"host", "https://"},
        {"ftp://host", "https://"},
        {"https://", "URL"},
        {"https://user:hush@host", "user info"},
        {"https://host/path", "path"},
        {"https://host?query", "query"},
        {"https://host/#fragment", "fragment"},
        {"https://host:0", "port"},
        {"https://host:65536", ""},
        {"http://example.com", "loopback"},
        {"http://10.0.0.1:80", "loopback"},
        {"http://localhost.example.com", "loopback"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REFUSED("endpoint: ", koodrive_config_set_endpoint(config, bad[i].url, &error));
        REFUSED(bad[i].rule, koodrive_config_set_endpoint(config, bad[i].url, &error));
    }
    REFUSED_SECRETLY("endpoint: ", "hush",
                     koodrive_config_set_endpoint(config, "https://user:hush@host", &error));
    static const char *const fine[] = {"https://intl.myhuaweicloud-koodrive.com",
                                       "https://host:8443",
                                       "http://127.0.0.1:1",
                                       "http://127.1.2.3",
                                       "http://[::1]:8080",
                                       "http://localhost:5"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        OK(koodrive_config_set_endpoint(config, fine[i], &error));
    }
    REFUSED_SECRETLY("proxy: ", "hush",
                     koodrive_config_set_proxy(config, "socks5://u:hush@host", &error));
    REFUSED("proxy: ", koodrive_config_set_proxy(config, "", &error));
    REFUSED("proxy: ", koodrive_config_set_proxy(config, "http://host/path", &error));
}

static void numbers(void) {
    REFUSED("connect_timeout_ms: must be 1 to",
            koodrive_config_set_connect_timeout_ms(config, 0, &error));
    REFUSED("request_timeout_ms", koodrive_config_set_request_timeout_ms(config, 0, &error));
    REFUSED("run_timeout_ms", koodrive_config_set_run_timeout_ms(config, UINT64_MAX, &error));
    REFUSED("max_outage_ms", koodrive_config_set_max_outage_ms(config, UINT64_MAX, &error));
    REFUSED("max_attempts: must be 1 to 100, not 0",
            koodrive_config_set_max_attempts(config, 0, &error));
    REFUSED("max_attempts", koodrive_config_set_max_attempts(config, 101, &error));
    REFUSED("max_connections: must be 1 to 1024, not 0",
            koodrive_config_set_max_connections(config, 0, &error));
    REFUSED("max_connections", koodrive_config_set_max_connections(config, 1025, &error));
    OK(koodrive_config_set_run_timeout_ms(config, 0, &error));
    OK(koodrive_config_set_max_outage_ms(config, 0, &error));
    OK(koodrive_config_set_max_requests_per_second(config, UINT32_MAX, &error));
    OK(koodrive_config_set_max_requests_per_second(config, 0, &error));
    OK(koodrive_config_set_max_attempts(config, 100, &error));
    OK(koodrive_config_set_max_connections(config, 1024, &error));
}

static void ca_files(void) {
    REFUSED("ca_file: can't read", koodrive_config_set_ca_file(config, "/nowhere/ca.pem", &error));
    REFUSED("ca_file: ", koodrive_config_set_ca_file(config, __FILE__, &error));
}

static void incomplete_configs(void) {
    koodrive_client *client = NULL;
    koodrive_result *result = NULL;
    koodrive_config *empty = koodrive_config_new();
    REFUSED("endpoint: ", koodrive_client_new(empty, &client, &error));
    OK(koodrive_config_set_endpoint(empty, "http://127.0.0.1:1", &error));
    REFUSED("authorization: ", koodrive_client_new(empty, &client, &error));
    OK(koodrive_config_set_access_token(empty, "t", &error));
    OK(koodrive_config_set_proxy(empty, "http://proxy.example.com:8080", &error));
    REFUSED("proxy: ", koodrive_client_new(empty, &client, &error));
    OK(koodrive_config_set_endpoint(empty, "https://localhost:1", &error));
    OK(koodrive_client_new(empty, &client, &error));
    REFUSED("user_id: ", koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    CHECK(result == NULL);
    koodrive_devices *devices = NULL;
    REFUSED("user_id: ", koodrive_client_list_devices(client, NULL, NULL, &devices, &error));
    koodrive_client_free(client);
    koodrive_config_free(empty);
}

static void lists(void) {
    koodrive_client *client = sandbox_client();
    koodrive_devices *devices = (koodrive_devices *)client;
    koodrive_scopes *scopes = (koodrive_scopes *)client;
    REFUSED("user_id: ", koodrive_client_list_devices(client, "", NULL, &devices, &error));
    CHECK(devices == NULL);
    REFUSED("user_id: is not UTF-8",
            koodrive_client_list_devices(client, "\xff", NULL, &devices, &error));
    REFUSED("user_id: ",
            koodrive_client_list_scopes(client, "a\nb", DEVICE, NULL, NULL, &scopes, &error));
    CHECK(scopes == NULL);
    static const char *const bad_devices[] = {"", "..", "a/./b", "%2e%2E", "a\x7f", "\xff"};
    for (size_t i = 0; i < sizeof bad_devices / sizeof *bad_devices; i++) {
        REFUSED("device_id: ",
                koodrive_client_list_scopes(client, NULL, bad_devices[i], "101", NULL, &scopes, &error));
    }
    static const char *const bad_modules[] = {
        "", " ", "1 1", "101\n", "\xc3\xa9", "\xff", "12345678901234567"};
    for (size_t i = 0; i < sizeof bad_modules / sizeof *bad_modules; i++) {
        REFUSED("module_code: ", koodrive_client_list_scopes(client, NULL, DEVICE, bad_modules[i], NULL,
                                                             &scopes, &error));
    }
    koodrive_client_free(client);
}

/* A listener of this process, which answers nobody, and its address. */
static int listen_locally(char *url, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    snprintf(url, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return listener;
}

typedef struct {
    const koodrive_client *client;
    const koodrive_monitor *monitor;
} call;

static void *list_devices(void *argument) {
    const call *run = argument;
    koodrive_devices *devices = NULL;
    CHECK(koodrive_client_list_devices(run->client, "u", run->monitor, &devices, NULL) ==
          KOODRIVE_ERROR_CANCELLED);
    return NULL;
}

static void events(void) {
    char url[64];
    int listener = listen_locally(url, sizeof url);
    koodrive_config *silent = koodrive_config_new();
    koodrive_client *client = NULL;
    koodrive_monitor *monitor = koodrive_monitor_new();
    REFUSED("capacity: must not be more than 16777216",
            koodrive_monitor_keep_events(monitor, 16777217, &error));
    REFUSED("capacity: ", koodrive_monitor_keep_events(monitor, SIZE_MAX, &error));
    OK(koodrive_monitor_keep_events(monitor, 16777216, &error));
    OK(koodrive_config_set_endpoint(silent, url, &error));
    OK(koodrive_config_set_access_token(silent, "t", &error));
    OK(koodrive_client_new(silent, &client, &error));
    koodrive_config_free(silent);

    pthread_t thread;
    call run = {client, monitor};
    CHECK(pthread_create(&thread, NULL, list_devices, &run) == 0);
    int connection = accept(listener, NULL, NULL);
    REFUSED("monitor: a run goes on", koodrive_monitor_keep_events(monitor, 1, &error));
    koodrive_monitor_cancel(monitor);
    CHECK(pthread_join(thread, NULL) == 0);
    OK(koodrive_monitor_keep_events(monitor, 1, &error));
    CHECK(close(connection) == 0 && close(listener) == 0);
    koodrive_client_free(client);
    koodrive_monitor_free(monitor);
}

static void environment(void) {
    koodrive_config *loaded = koodrive_config_new();
    koodrive_client *client = NULL;
    setenv("KOODRIVE_AUTHORIZATION", "hush", 1);
    REFUSED_SECRETLY("more than one authorization", "hush", koodrive_config_load_env(loaded, &error));
    setenv("KOODRIVE_AUTHORIZATION", "", 1);
    setenv("KOODRIVE_APP_SECRET", "hush", 1);
    REFUSED("more than one authorization", koodrive_config_load_env(loaded, &error));
    unsetenv("KOODRIVE_ACCESS_TOKEN");
    REFUSED("KOODRIVE_APP_ID", koodrive_config_load_env(loaded, &error));
    setenv("KOODRIVE_APP_ID", "app", 1);
    setenv("KOODRIVE_MAX_ATTEMPTS", "many", 1);
    REFUSED("KOODRIVE_MAX_ATTEMPTS", koodrive_config_load_env(loaded, &error));
    setenv("KOODRIVE_MAX_ATTEMPTS", "0", 1);
    REFUSED("KOODRIVE_MAX_ATTEMPTS", koodrive_config_load_env(loaded, &error));
    REFUSED("endpoint: ", koodrive_client_new(loaded, &client, &error)); /* nothing was taken */
    setenv("KOODRIVE_MAX_ATTEMPTS", "7", 1);
    OK(koodrive_config_load_env(loaded, &error));
    OK(koodrive_client_new(loaded, &client, &error));
    koodrive_client_free(client);
    koodrive_config_free(loaded);
}

int main(void) {
    plan = koodrive_plan_new();
    config = koodrive_config_new();
    scope_ids();
    the_pages_request();
    lines();
    device_ids();
    header_values();
    endpoints();
    numbers();
    ca_files();
    incomplete_configs();
    lists();
    events();
    environment();
    koodrive_config_free(config);
    koodrive_plan_free(plan);
    return 0;
}
