/* No thread can be started, and no file descriptor is left: fewer workers or a clear error. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

/* Stands before the system's own. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
    (void)thread, (void)attributes, (void)start, (void)argument;
    return EAGAIN;
}

static koodrive_plan *thousand(const char *device) {
    koodrive_plan *plan = koodrive_plan_new();
    for (int i = 0; i < 1000; i++) {
        char text[20];
        const char *id = text;
        snprintf(text, sizeof text, "18428467155270%05d", i);
        OK(koodrive_plan_add(plan, NULL, device, &id, 1, &error));
    }
    return plan;
}

static void no_threads(const koodrive_client *client, const koodrive_plan *plan) {
    koodrive_result *result = NULL;
    koodrive_devices *devices = NULL;
    OK(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    CHECK(koodrive_result_count(result) == 1000);
    CHECK(koodrive_result_tally(result, KOODRIVE_OUTCOME_DELETED) == 150);
    koodrive_result_free(result);
    OK(koodrive_client_list_devices(client, NULL, NULL, &devices, &error));
    CHECK(koodrive_devices_count(devices) == 2);
    koodrive_devices_free(devices);
}

/* A call that can't connect, for a reason that the message holds. */
static void unreachable(const char *reason, koodrive_status status, koodrive_error *error) {
    CHECK(status == KOODRIVE_ERROR_UNREACHABLE);
    CHECK(strstr(koodrive_error_message(error), reason) != NULL);
    koodrive_error_free(error);
}

static void no_connection(const char *reason, const koodrive_client *client, const koodrive_plan *plan) {
    koodrive_result *result = NULL;
    koodrive_devices *devices = NULL;
    koodrive_error *error = NULL;
    koodrive_status status = koodrive_client_delete_plan(client, plan, NULL, &result, &error);
    unreachable(reason, status, error);
    CHECK(koodrive_result_tally(result, KOODRIVE_OUTCOME_NOT_SENT) == 1000);
    koodrive_result_free(result);
    status = koodrive_client_list_devices(client, NULL, NULL, &devices, &error);
    unreachable(reason, status, error);
}

int main(void) {
    koodrive_config *config = sandbox_config();
    koodrive_client *client = NULL;
    OK(koodrive_client_new(config, &client, &error));
    koodrive_plan *plan = thousand("no threads");
    no_threads(client, plan);
    koodrive_client_free(client);

    int descriptors[4096], count = 0;
    OK(koodrive_client_new(config, &client, &error));
    while (count < 4096 && (descriptors[count] = open("/dev/null", O_RDONLY)) >= 0) {
        count++;
    }
    CHECK(errno == EMFILE);
    no_connection("Too many open files", client, plan);
    while (count > 0) {
        close(descriptors[--count]);
    }

    /* A name has to be looked up, which takes a thread. */
    koodrive_client_free(client);
    OK(koodrive_config_set_endpoint(config, "http://localhost:1", &error));
    OK(koodrive_config_set_max_attempts(config, 1, &error));
    OK(koodrive_client_new(config, &client, &error));
    no_connection("thread", client, plan);

    koodrive_plan_free(plan);
    koodrive_client_free(client);
    koodrive_config_free(config);
    return 0;
}
