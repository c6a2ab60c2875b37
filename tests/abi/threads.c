/* One client and one list, 16 threads, a monitor each; an error on one thread does not show on another. */
#include "check.h"

#include <pthread.h>

enum { THREADS = 16, ROUNDS = 5, IDS = 120 };

static koodrive_client *client;
static koodrive_scopes *shared;

/* Lists what there is of a user, who may be forbidden, and reads what all threads read. */
static void list(const char *user, koodrive_status expected) {
    koodrive_plan *plan = koodrive_plan_new();
    koodrive_devices *devices = NULL;
    koodrive_error *error = NULL;
    CHECK(koodrive_client_list_devices(client, user, NULL, &devices, &error) == expected);
    CHECK(koodrive_error_status(error) == expected);
    CHECK((koodrive_devices_device_id(devices, 0) != NULL) == (expected == KOODRIVE_OK));
    koodrive_error_free(error);
    koodrive_devices_free(devices);
    OK(koodrive_plan_add_scopes(plan, shared, &error));
    CHECK(koodrive_plan_scope_count(plan) == koodrive_scopes_count(shared));
    CHECK(strcmp(koodrive_scopes_module_code(shared, 149), "102") == 0);
    koodrive_plan_free(plan);
}

static void *work(void *number) {
    char user[32], ids[IDS][32];
    const char *pointers[IDS];
    int thread = *(int *)number;
    snprintf(user, sizeof user, thread % 2 ? "forbidden" : "user %d", thread);
    for (int i = 0; i < IDS; i++) {
        snprintf(ids[i], sizeof ids[i], "1842846715527000%03d", i);
        pointers[i] = ids[i];
    }
    for (int round = 0; round < ROUNDS; round++) {
        char device[32];
        snprintf(device, sizeof device, "%d/%d", thread, round);
        koodrive_plan *plan = koodrive_plan_new();
        koodrive_monitor *monitor = koodrive_monitor_new();
        koodrive_result *result = NULL;
        koodrive_error *error = NULL;
        OK(koodrive_plan_add(plan, user, device, pointers, IDS, &error));
        koodrive_status status = koodrive_client_delete_plan(client, plan, monitor, &result, &error);
        CHECK(status == (thread % 2 ? KOODRIVE_ERROR_SERVICE : KOODRIVE_OK));
        list(user, status);
        CHECK(koodrive_error_http_status(error) == (thread % 2 ? 403 : 0));
        CHECK(koodrive_result_tally(result, thread % 2 ? KOODRIVE_OUTCOME_REJECTED
                                                       : KOODRIVE_OUTCOME_DELETED) == IDS);
        CHECK(koodrive_monitor_scopes_done(monitor) == IDS);
        koodrive_error_free(error);
        koodrive_result_free(result);
        koodrive_monitor_free(monitor);
        koodrive_plan_free(plan);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    int numbers[THREADS];
    client = sandbox_client();
    OK(koodrive_client_list_scopes(client, NULL, DEVICE, NULL, NULL, &shared, &error));
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    koodrive_scopes_free(shared);
    koodrive_client_free(client);
    return 0;
}
