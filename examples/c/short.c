/* Deletes two scopes of one device. Where the service is and who asks comes from the environment:
 * KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN. */
#include <koodrive.h>
#include <stdio.h>

int main(void) {
    const char *ids[] = {"1842846715527000000", "345"};
    koodrive_error *error = NULL;
    koodrive_client *client = NULL;
    koodrive_result *result = NULL;
    koodrive_config *config = koodrive_config_new();

    koodrive_status status = koodrive_config_load_env(config, &error);
    if (status == KOODRIVE_OK) {
        status = koodrive_client_new(config, &client, &error);
    }
    if (status == KOODRIVE_OK) {
        status =
            koodrive_client_delete_scopes(client, "1842812272691451648", ids, 2, NULL, &result, &error);
    }
    for (size_t i = 0; i < koodrive_result_count(result); i++) {
        printf("%s: %s\n", koodrive_result_scope_id(result, i),
               koodrive_outcome_name(koodrive_result_outcomes(result)[i]));
    }
    if (status != KOODRIVE_OK) { /* the run is incomplete; single ids may have failed without it */
        fprintf(stderr, "%s\n", koodrive_error_message(error));
    }
    koodrive_error_free(error);
    koodrive_result_free(result);
    koodrive_client_free(client);
    koodrive_config_free(config);
    return status;
}
