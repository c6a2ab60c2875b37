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

int main(void) {
    koodrive_config *config = sandbox_config();
    koodrive_client *client = NULL;
    koodrive_result *result = NULL;
    koodrive_error *error = NULL;
    OK(koodrive_client_new(config, &client, &error));

    koodrive_plan *plan = thousand("no threads");
    OK(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    CHECK(koodrive_result_count(result) == 1000);
    CHECK(koodrive_result_tally(result, KOODRIVE_OUTCOME_DELETED) == 150);
    koodrive_result_free(result);
    koodrive_client_free(client);

    int descriptors[4096], count = 0;
    OK(koodrive_client_new(config, &client, &error));
    while (count < 4096 && (descriptors[count] = open("/dev/null", O_RDONLY)) >= 0) {
        count++;
    }
    CHECK(errno == EMFILE);
    CHECK(koodrive_client_delete_plan(client, plan, NULL, &result, &error) ==
          KOODRIVE_ERROR_UNREACHABLE);
    CHECK(strstr(koodrive_error_message(error), "Too many open files") != NULL);
    CHECK(koodrive_result_tally(result, KOODRIVE_OUTCOME_NOT_SENT) == 1000);
    koodrive_error_free(error);
    koodrive_result_free(result);
    while (count > 0) {
        close(descriptors[--count]);
    }

    /* A name has to be looked up, which takes a thread. */
    koodrive_client_free(client);
    OK(koodrive_config_set_endpoint(config, "http://localhost:1", &error));
    OK(koodrive_config_set_max_attempts(config, 1, &error));
    OK(koodrive_client_new(config, &client, &error));
    CHECK(koodrive_client_delete_plan(client, plan, NULL, &result, &error) ==
          KOODRIVE_ERROR_UNREACHABLE);
    CHECK(strstr(koodrive_error_message(error), "thread") != NULL);
    koodrive_error_free(error);
    koodrive_result_free(result);

    koodrive_plan_free(plan);
    koodrive_client_free(client);
    koodrive_config_free(config);
    return 0;
}
