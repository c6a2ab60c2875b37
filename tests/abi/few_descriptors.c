/* More connections are wanted than there are descriptors: those that there are do all the work. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

enum { COUNT = 60000 };

int main(void) {
    koodrive_config *config = sandbox_config();
    koodrive_client *client = NULL;
    koodrive_result *result = NULL;
    koodrive_plan *plan = koodrive_plan_new();
    OK(koodrive_config_set_max_connections(config, 256, &error));
    OK(koodrive_client_new(config, &client, &error));
    for (int i = 0; i < COUNT; i++) {
        char text[20];
        const char *id = text;
        snprintf(text, sizeof text, "18428467155270%05d", i);
        OK(koodrive_plan_add(plan, NULL, DEVICE, &id, 1, &error));
    }
    OK(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    CHECK(koodrive_result_tally(result, KOODRIVE_OUTCOME_DELETED) == COUNT);
    koodrive_result_free(result);
    koodrive_plan_free(plan);
    koodrive_client_free(client);
    koodrive_config_free(config);
    return 0;
}
