/* Tables in and out, as a program sees them that knows nothing but the structs of the header. */
#include "check.h"

static int streams, schemas, arrays; /* not released by now */

/* A producer of one batch of two rows: the structs' private data say nothing, all memory is static. */
static void release_schema(struct ArrowSchema *schema) {
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i]->release != NULL) {
            schema->children[i]->release(schema->children[i]);
        }
    }
    schema->release = NULL;
    schemas--;
}

static void release_array(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release != NULL) {
            array->children[i]->release(array->children[i]);
        }
    }
    array->release = NULL;
    arrays--;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    (void)stream;
    static struct ArrowSchema columns[3];
    static struct ArrowSchema *children[] = {&columns[0], &columns[1], &columns[2]};
    static const char *const names[] = {"device_id", "scope_id", "price"};
    static const char *const formats[] = {"u", "l", "g"};
    for (int i = 0; i < 3; i++) {
        columns[i] =
            (struct ArrowSchema){.format = formats[i], .name = names[i], .release = release_schema};
    }
    *out = (struct ArrowSchema){
        .format = "+s", .n_children = 3, .children = children, .release = release_schema};
    schemas += 4;
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    int *batches = stream->private_data;
    *out = (struct ArrowArray){0};
    if ((*batches)-- == 0) {
        return 0;
    }
    static const int32_t offsets[] = {0, 5, 11};
    static const int64_t ids[] = {1842846715527000000, 345};
    static const double prices[] = {0.5, 1.5};
    static const void *devices[] = {NULL, offsets, "phonetablet"};
    static const void *numbers[] = {NULL, ids};
    static const void *others[] = {NULL, prices};
    static const void **const buffers[] = {devices, numbers, others};
    static const void *none[] = {NULL};
    static struct ArrowArray columns[3];
    static struct ArrowArray *children[] = {&columns[0], &columns[1], &columns[2]};
    for (int i = 0; i < 3; i++) {
        columns[i] = (struct ArrowArray){.length = 2,
                                         .n_buffers = i == 0 ? 3 : 2,
                                         .buffers = (const void **)buffers[i],
                                         .release = release_array};
    }
    *out = (struct ArrowArray){.length = 2,
                               .n_buffers = 1,
                               .buffers = none,
                               .n_children = 3,
                               .children = children,
                               .release = release_array};
    arrays += 4;
    return 0;
}

static int fail(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    (void)stream, (void)out;
    return 5;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return "the disk is gone";
}

static void release_stream(struct ArrowArrayStream *stream) {
    stream->release = NULL;
    streams--;
}

static struct ArrowArrayStream table(int *batches) {
    streams++;
    return (struct ArrowArrayStream){get_schema, get_next, get_last_error, release_stream, batches};
}

static void check_released(const struct ArrowArrayStream *stream) {
    CHECK(stream->release == NULL);
    CHECK(streams == 0 && schemas == 0 && arrays == 0);
}

static koodrive_plan *a_table_goes_in(void) {
    koodrive_plan *plan = koodrive_plan_new();
    int batches = 1;
    struct ArrowArrayStream stream = table(&batches);
    OK(koodrive_plan_add_arrow(plan, &stream, &error));
    check_released(&stream);
    CHECK(koodrive_plan_scope_count(plan) == 2);

    batches = 1;
    stream = table(&batches);
    stream.get_next = fail;
    REFUSED("stream: the disk is gone", koodrive_plan_add_arrow(plan, &stream, &error));
    check_released(&stream);
    REFUSED("stream: is released already", koodrive_plan_add_arrow(plan, &stream, &error));
    REFUSED("stream: must not be NULL", koodrive_plan_add_arrow(plan, NULL, &error));
    stream = table(&batches);
    REFUSED("plan: must not be NULL", koodrive_plan_add_arrow(NULL, &stream, &error));
    check_released(&stream);
    CHECK(koodrive_plan_scope_count(plan) == 2);
    return plan;
}

/* The text of a row of a column of utf8, or "-" for none. */
static const char *cell(const struct ArrowArray *batch, const char *column, int64_t row, char *text) {
    static const char *const names[] = {"user_id", "device_id",    "scope_id",
                                        "outcome", "service_code", "message"};
    int index = 0;
    while (strcmp(names[index], column) != 0) {
        index++;
    }
    const struct ArrowArray *array = batch->children[index];
    CHECK(array->length == batch->length && array->offset == 0 && array->n_buffers == 3);
    const uint8_t *validity = array->buffers[0];
    if (validity != NULL && (validity[row / 8] >> row % 8 & 1) == 0) {
        return "-";
    }
    const int32_t *offsets = array->buffers[1];
    int length = offsets[row + 1] - offsets[row];
    sprintf(text, "%.*s", length, (const char *)array->buffers[2] + offsets[row]);
    return text;
}

static void a_table_comes_out(const koodrive_client *client, koodrive_plan *plan) {
    koodrive_result *result = NULL;
    OK(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    struct ArrowArrayStream stream;
    OK(koodrive_result_to_arrow(result, &stream, &error));
    koodrive_result_free(result); /* the stream outlives it */

    struct ArrowSchema schema;
    CHECK(stream.get_schema(&stream, &schema) == 0);
    CHECK(strcmp(schema.format, "+s") == 0 && schema.n_children == 6);
    CHECK(strcmp(schema.children[3]->name, "outcome") == 0);
    CHECK(strcmp(schema.children[3]->format, "u") == 0);
    schema.release(&schema);
    CHECK(schema.release == NULL);

    struct ArrowArray batch;
    char text[100];
    CHECK(stream.get_next(&stream, &batch) == 0);
    CHECK(batch.length == 2);
    CHECK(strcmp(cell(&batch, "user_id", 0, text), "1505084218764547200") == 0);
    CHECK(strcmp(cell(&batch, "device_id", 1, text), "tablet") == 0);
    CHECK(strcmp(cell(&batch, "scope_id", 0, text), "1842846715527000000") == 0);
    CHECK(strcmp(cell(&batch, "outcome", 0, text), "DELETED") == 0);
    CHECK(strcmp(cell(&batch, "service_code", 0, text), "-") == 0);
    CHECK(strcmp(cell(&batch, "outcome", 1, text), "NOT_FOUND") == 0);
    CHECK(strcmp(cell(&batch, "service_code", 1, text), "15000418") == 0);
    batch.release(&batch);
    CHECK(batch.release == NULL);
    CHECK(stream.get_next(&stream, &batch) == 0);
    CHECK(batch.release == NULL); /* the end */
    CHECK(stream.get_last_error(&stream) == NULL);
    stream.release(&stream);
    CHECK(stream.release == NULL);

    REFUSED("result: must not be NULL", koodrive_result_to_arrow(NULL, &stream, &error));
    CHECK(stream.release == NULL);
}

/* What came out goes in again, as it is. */
static void outcomes_become_a_plan(const koodrive_client *client, koodrive_plan *plan) {
    koodrive_result *result = NULL;
    OK(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    struct ArrowArrayStream stream;
    OK(koodrive_result_to_arrow(result, &stream, &error));
    koodrive_result_free(result);
    OK(koodrive_plan_add_arrow(plan, &stream, &error));
    CHECK(stream.release == NULL);
    CHECK(koodrive_plan_scope_count(plan) == 4);
    /* And so does one of which nothing was asked yet. */
    OK(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    OK(koodrive_result_to_arrow(result, &stream, &error));
    REFUSED("out: must not be NULL", koodrive_result_to_arrow(result, NULL, &error));
    koodrive_result_free(result);
    stream.release(&stream);
}

int main(void) {
    koodrive_client *client = sandbox_client();
    koodrive_plan *plan = a_table_goes_in();
    a_table_comes_out(client, plan);
    outcomes_become_a_plan(client, plan);
    koodrive_plan_free(plan);
    koodrive_client_free(client);
    return 0;
}
