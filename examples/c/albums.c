/* Lists a user's devices, and deletes the albums of those that are named, after a question. Where the service is
 * and who asks comes from the environment: KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN. */
#include <koodrive.h>
#include <stdio.h>

static const char albums_code[] = "101";

/* Whether a call succeeded; says why if not. */
static bool ok(koodrive_status status, koodrive_error *error) {
    if (status != KOODRIVE_OK) {
        fprintf(stderr, "%s\n", koodrive_error_message(error));
        koodrive_error_free(error);
    }
    return status == KOODRIVE_OK;
}

static bool list_devices(const koodrive_client *client) {
    koodrive_error *error = NULL;
    koodrive_devices *devices = NULL;
    if (!ok(koodrive_client_list_devices(client, NULL, NULL, &devices, &error), error)) {
        return false;
    }
    for (size_t i = 0; i < koodrive_devices_count(devices); i++) {
        const char *name = koodrive_devices_name(devices, i);
        printf("device %s: %s\n", koodrive_devices_device_id(devices, i), name ? name : "");
    }
    koodrive_devices_free(devices);
    return true;
}

static koodrive_scopes *list_albums(const koodrive_client *client, const char *device) {
    koodrive_error *error = NULL;
    koodrive_scopes *albums = NULL;
    ok(koodrive_client_list_scopes(client, NULL, device, albums_code, NULL, &albums, &error), error);
    return albums;
}

static bool delete_scopes(const koodrive_client *client, const koodrive_scopes *scopes) {
    koodrive_error *error = NULL;
    koodrive_result *result = NULL;
    koodrive_plan *plan = koodrive_plan_new();
    bool is_done = ok(koodrive_plan_add_scopes(plan, scopes, &error), error) &&
                   ok(koodrive_client_delete_plan(client, plan, NULL, &result, &error), error);
    for (size_t i = 0; i < koodrive_result_count(result); i++) {
        printf("%s\n", koodrive_outcome_name(koodrive_result_outcomes(result)[i]));
    }
    koodrive_result_free(result);
    koodrive_plan_free(plan);
    return is_done;
}

static bool delete_albums(const koodrive_client *client, const char *device) {
    koodrive_scopes *albums = list_albums(client, device);
    if (!albums) {
        return false;
    }
    for (size_t i = 0; i < koodrive_scopes_count(albums); i++) {
        const char *path = koodrive_scopes_local_path(albums, i);
        printf("album %s: %s\n", koodrive_scopes_scope_id(albums, i), path ? path : "");
    }
    printf("Delete %zu albums? [y/N]\n", koodrive_scopes_count(albums));
    char answer[8] = "";
    bool is_done =
        !fgets(answer, sizeof answer, stdin) || answer[0] != 'y' || delete_scopes(client, albums);
    koodrive_scopes_free(albums);

    koodrive_scopes *left = is_done ? list_albums(client, device) : NULL;
    if (left) {
        printf("%zu albums are left\n", koodrive_scopes_count(left));
    }
    koodrive_scopes_free(left);
    return left != NULL;
}

int main(int argc, char **argv) {
    koodrive_error *error = NULL;
    koodrive_client *client = NULL;
    koodrive_config *config = koodrive_config_new();
    bool is_fine = ok(koodrive_config_load_env(config, &error), error) &&
                   ok(koodrive_client_new(config, &client, &error), error) && list_devices(client);
    for (int i = 1; i < argc && is_fine; i++) {
        is_fine = delete_albums(client, argv[i]);
    }
    koodrive_client_free(client);
    koodrive_config_free(config);
    return is_fine ? 0 : 1;
}
