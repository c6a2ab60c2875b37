/* What a million ids cost before anything is sent: checked, copied, repeats found, cut into requests,
 * and a result made. A cancelled monitor keeps the run from sending.
 *
 *     planning IDS-FILE --ids N */
#include "bench.h"

#include <koodrive.h>

int main(int argc, char **argv) {
    struct arguments a = arguments_parse(argc, argv);
    size_t count = (size_t)a.ids, length = count * (ID_LENGTH + 1);
    char *text = read_ids(a.file, count);
    koodrive_config *config = koodrive_config_new();
    koodrive_config_set_endpoint(config, "http://127.0.0.1:1", NULL);
    koodrive_config_set_user_id(config, USER, NULL);
    koodrive_config_set_access_token(config, TOKEN, NULL);
    koodrive_config_set_max_connections(config, 1, NULL);
    koodrive_client *client = NULL;
    if (koodrive_client_new(config, &client, NULL) != KOODRIVE_OK)
        DIE("no client");
    koodrive_monitor *monitor = koodrive_monitor_new();
    koodrive_monitor_cancel(monitor);

    long before_kb = status_kb("VmRSS");
    struct usage start = usage_now();
    koodrive_plan *plan = koodrive_plan_new();
    koodrive_result *result = NULL;
    if (koodrive_plan_add_lines(plan, NULL, DEVICE, text, length, count, NULL) != KOODRIVE_OK)
        DIE("the ids were refused");
    koodrive_client_delete_plan(client, plan, monitor, &result, NULL);
    struct usage end = usage_now();

    if (koodrive_result_tally(result, KOODRIVE_OUTCOME_NOT_SENT) != count)
        DIE("ids were lost");
    double cpu = end.user - start.user + end.system - start.system;
    printf("{\"ns_per_id\":%.2f,\"bytes_per_id\":%.2f}\n", cpu * 1e9 / (double)count,
           ((double)(end.peak_kb - before_kb) * 1024 - (double)length) / (double)count);
    koodrive_result_free(result);
    koodrive_plan_free(plan);
    koodrive_monitor_free(monitor);
    koodrive_client_free(client);
    koodrive_config_free(config);
    free(text);
    return 0;
}
