/* libcurl with cJSON: one easy handle, reused, for each connection. */
#include "bench.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* The requests cycle through as many batches as this. */
#define BATCHES 64

struct buffer {
    char *bytes;
    size_t length, capacity;
};

static struct arguments a;
static const char *ids; /* one a line */
static atomic_long next_request;

static void append(struct buffer *buffer, const char *bytes, size_t length) {
    if (buffer->length + length > buffer->capacity) {
        buffer->capacity = (buffer->length + length) * 2;
        buffer->bytes = realloc(buffer->bytes, buffer->capacity);
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static size_t receive(char *bytes, size_t size, size_t count, void *answer) {
    append(answer, bytes, size * count);
    return size * count;
}

static const char *id_at(long batch, long index) {
    return ids + (batch * a.ids + index) * (ID_LENGTH + 1);
}

static void write_body(struct buffer *body, long batch) {
    body->length = 0;
    append(body, "{\"scopeIdList\":[", 16);
    for (long i = 0; i < a.ids; i++) {
        append(body, ",\"" + (i == 0), 1 + (i > 0));
        append(body, id_at(batch, i), ID_LENGTH);
        append(body, "\"", 1);
    }
    append(body, "]}", 2);
}

static const char *text_of(const cJSON *object, const char *name) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

static void check(const struct buffer *answer, long batch) {
    cJSON *root = cJSON_ParseWithLength(answer->bytes, answer->length), *item;
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(root, "code");
    long deleted = 0, failed = 0, failing = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "scopeIdList")) deleted +=
        strlen(cJSON_GetStringValue(item)) == ID_LENGTH;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "failedScopeList")) failed +=
        strlen(text_of(item, "scopeId")) == ID_LENGTH && text_of(item, "msg")[0] &&
        strcmp(text_of(item, "errorCode"), "15000418") == 0;
    for (long i = 0; i < a.ids; i++)
        failing += fails(id_at(batch, i));
    if (!cJSON_IsNumber(code) || code->valueint != 0 || failed != failing || deleted + failed != a.ids)
        DIE("tally");
    cJSON_Delete(root);
}

static struct curl_slist *headers(void) {
    char date[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "X-Date: %Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
    struct curl_slist *list = curl_slist_append(NULL, "Authorization: Bearer " TOKEN);
    curl_slist_append(list, "X-User-Id: " USER);
    curl_slist_append(list, "Content-Type: application/json");
    curl_slist_append(list, "Expect:");
    return curl_slist_append(list, date);
}

static void *work(void *unused) {
    char url[128];
    struct buffer body = {0}, answer = {0};
    CURL *curl = curl_easy_init();
    snprintf(url, sizeof url, "http://127.0.0.1:%ld/koodrive/ose/v1/backup/device/" DEVICE "/scope",
             a.port);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    for (long request; (request = atomic_fetch_add(&next_request, 1)) < a.requests;) {
        struct curl_slist *list = headers();
        long status = 0;
        answer.length = 0;
        write_body(&body, request % BATCHES);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.bytes);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.length);
        CURLcode code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK || status != 200)
            DIE("%s, status %ld", curl_easy_strerror(code), status);
        check(&answer, request % BATCHES);
        curl_slist_free_all(list);
    }
    curl_easy_cleanup(curl);
    free(body.bytes);
    free(answer.bytes);
    return unused;
}

int main(int argc, char **argv) {
    a = arguments_parse(argc, argv);
    char *text = read_ids(a.file, (size_t)(BATCHES * a.ids));
    ids = text;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct usage start = usage_now();
    pthread_t threads[64];
    for (long i = 1; i < a.connections; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    work(NULL);
    for (long i = 1; i < a.connections; i++)
        pthread_join(threads[i], NULL);
    usage_print(&start);
    free(text);
    return 0;
}
