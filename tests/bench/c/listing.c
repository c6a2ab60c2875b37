/* Lists the scopes of a device, and says what that costs beside the size of the answer.
 *
 *     listing PORT COUNT */
#include "bench.h"

#include <koodrive.h>

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%s", argv[1]);
    koodrive_config *config = koodrive_config_new();
    koodrive_config_set_endpoint(config, url, NULL);
    koodrive_config_set_user_id(config, USER, NULL);
    koodrive_config_set_access_token(config, TOKEN, NULL);
    koodrive_client *client = NULL;
    if (koodrive_client_new(config, &client, NULL) != KOODRIVE_OK)
        DIE("no client");

    long before_kb = status_kb("VmRSS");
    struct usage start = usage_now();
    koodrive_scopes *scopes = NULL;
    koodrive_error *error = NULL;
    if (koodrive_client_list_scopes(client, NULL, DEVICE, "101", NULL, &scopes, &error) != KOODRIVE_OK)
        DIE("%s", koodrive_error_message(error));
    struct usage end = usage_now();

    size_t count = koodrive_scopes_count(scopes);
    if (count != (size_t)atol(argv[2]))
        DIE("%zu scopes", count);
    double cpu = end.user - start.user + end.system - start.system;
    printf("{\"cpu_ns_per_scope\":%.1f,\"grown_kb\":%ld}\n", cpu * 1e9 / (double)count,
           end.peak_kb - before_kb);
    koodrive_scopes_free(scopes);
    koodrive_client_free(client);
    koodrive_config_free(config);
    return 0;
}
