/* DPDK's rte_hash: bulk look-ups of a whole batch, hashed by the processor's CRC; lock-free readers with reclamation
 * by quiescent states, or no concurrency at all. */
#define _GNU_SOURCE
#include "peer.h"
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>

/* Only the reader beside a writer announces itself. */
#define READER 0

struct table {
    struct rte_hash *hash;
    struct rte_rcu_qsbr *readers;
    /* Set while a reader runs beside a writer. */
    volatile int is_shared;
    /* Something was taken out and may still count as there, until it is reclaimed. */
    int has_graves;
};

static int advise(const struct rte_memseg_list *list, void *unused) {
    (void)unused;
    madvise(list->base_va, list->len, MADV_HUGEPAGE);
    return 0;
}

/* Once per process. Without reserved huge pages, for these take privileges; transparent ones are asked for, as they
 * are for the memory of all other tables. */
int rte_hash_start(unsigned megabytes) {
    char memory[16];
    snprintf(memory, sizeof memory, "%u", megabytes);
    char *arguments[] = {"peers", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "--log-level=error",
                         "-l", "0", "-m", memory};
    /* The library pins the thread that starts it; which core that has is not its business here. */
    cpu_set_t cores;
    sched_getaffinity(0, sizeof cores, &cores);
    int status = rte_eal_init(sizeof arguments / sizeof *arguments, arguments);
    sched_setaffinity(0, sizeof cores, &cores);
    if (status >= 0)
        rte_memseg_list_walk(advise, NULL);
    return status;
}

size_t rte_hash_allocated(void) {
    struct rte_malloc_socket_stats stats;
    return rte_malloc_get_socket_stats(SOCKET_ID_ANY, &stats) == 0 ? stats.heap_allocsz_bytes
           : rte_malloc_get_socket_stats(0, &stats) == 0           ? stats.heap_allocsz_bytes
                                                                   : 0;
}

static uint32_t hash_of(const void *key, uint32_t length, uint32_t start) {
    (void)length;
    return rte_hash_crc_8byte(*(const uint64_t *)key, start);
}

static struct table *make(size_t entries, uint32_t flags) {
    static int number;
    char name[RTE_HASH_NAMESIZE];
    snprintf(name, sizeof name, "table-%d", number++);
    struct rte_hash_parameters parameters = {
        .name = name,
        /* At full load a cuckoo table turns keys away. */
        .entries = entries + entries / 4,
        .key_len = sizeof(uint64_t),
        .hash_func = hash_of,
        .extra_flag = flags,
    };
    struct table *table = calloc(1, sizeof *table);
    table->hash = rte_hash_create(&parameters);
    if (!table->hash) {
        free(table);
        return NULL;
    }
    if (flags & RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF) {
        size_t size = rte_rcu_qsbr_get_memsize(1);
        table->readers = rte_zmalloc(NULL, size, RTE_CACHE_LINE_SIZE);
        rte_rcu_qsbr_init(table->readers, 1);
        struct rte_hash_rcu_config config = {.v = table->readers, .mode = RTE_HASH_QSBR_MODE_DQ};
        rte_hash_rcu_qsbr_add(table->hash, &config);
    }
    return table;
}

static void *make_plain(size_t entries) { return make(entries, 0); }

static void *make_lock_free(size_t entries) { return make(entries, RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF); }

static void destroy(void *opaque) {
    struct table *table = opaque;
    rte_hash_free(table->hash);
    rte_free(table->readers);
    free(table);
}

static void enter(void *opaque) {
    struct table *table = opaque;
    if (table->readers) {
        rte_rcu_qsbr_thread_register(table->readers, READER);
        rte_rcu_qsbr_thread_online(table->readers, READER);
        table->is_shared = 1;
    }
}

static void leave(void *opaque) {
    struct table *table = opaque;
    if (table->readers) {
        table->is_shared = 0;
        rte_rcu_qsbr_thread_offline(table->readers, READER);
        rte_rcu_qsbr_thread_unregister(table->readers, READER);
    }
}

/* At most RTE_HASH_LOOKUP_BULK_MAX keys, which is 64. */
static inline uint64_t find(struct table *table, const uint64_t *keys, size_t count, void **data) {
    const void *pointers[RTE_HASH_LOOKUP_BULK_MAX];
    for (size_t i = 0; i < count; i++)
        pointers[i] = &keys[i];
    uint64_t hits = 0;
    rte_hash_lookup_bulk_data(table->hash, pointers, count, &hits, data);
    return hits;
}

static inline size_t part(size_t left) { return left < RTE_HASH_LOOKUP_BULK_MAX ? left : RTE_HASH_LOOKUP_BULK_MAX; }

static inline void look_up_part(struct table *table, const uint64_t *keys, size_t count, uint16_t *found) {
    void *data[RTE_HASH_LOOKUP_BULK_MAX];
    uint64_t hits = find(table, keys, count, data);
    for (size_t i = 0; i < count; i++)
        found[i] = hits >> i & 1 ? (uint16_t)(uintptr_t)data[i] : ABSENT;
}

static void look_up(void *opaque, const uint64_t *keys, uint16_t *found) {
    struct table *table = opaque;
    look_up_part(table, keys, BATCH, found);
    if (table->is_shared)
        rte_rcu_qsbr_quiescent(table->readers, READER);
}

static void look_up_many(void *opaque, const uint64_t *keys, size_t count, uint16_t *found) {
    struct table *table = opaque;
    for (size_t at = 0; at < count; at += RTE_HASH_LOOKUP_BULK_MAX)
        look_up_part(table, keys + at, part(count - at), found + at);
    if (table->is_shared)
        rte_rcu_qsbr_quiescent(table->readers, READER);
}

static void look_up_each(void *opaque, const uint64_t *keys, uint16_t *found) {
    struct table *table = opaque;
    for (int i = 0; i < BATCH; i++) {
        void *data;
        found[i] = rte_hash_lookup_data(table->hash, &keys[i], &data) >= 0 ? (uint16_t)(uintptr_t)data : ABSENT;
    }
}

/* Slots that were taken out wait for the reader; with none left, so does this. A table that is full for another reason
 * stays so. */
static inline int add(struct table *table, const uint64_t *key, uint32_t value) {
    int status;
    for (int tries = 0; tries < 1000000; tries++) {
        status = rte_hash_add_key_data(table->hash, key, (void *)(uintptr_t)value);
        if (status != -ENOSPC || !table->is_shared)
            break;
    }
    return status;
}

static inline size_t check_part(struct table *table, uint32_t value, const uint64_t *keys, size_t count) {
    void *data[RTE_HASH_LOOKUP_BULK_MAX];
    uint64_t hits = find(table, keys, count, data);
    size_t new = 0;
    for (size_t i = 0; i < count; i++) {
        int known = hits >> i & 1;
        if (known && (uintptr_t)data[i] == value)
            continue;
        new += add(table, &keys[i], value) == 0 && !known;
    }
    return new;
}

static size_t check(void *opaque, uint32_t value, const uint64_t *keys) {
    return check_part(opaque, value, keys, BATCH);
}

static size_t check_many(void *opaque, uint32_t value, const uint64_t *keys, size_t count) {
    size_t new = 0;
    for (size_t at = 0; at < count; at += RTE_HASH_LOOKUP_BULK_MAX)
        new += check_part(opaque, value, keys + at, part(count - at));
    return new;
}

static size_t learn(void *opaque, uint32_t value, const uint64_t *keys) {
    struct table *table = opaque;
    if (table->has_graves)
        return check(table, value, keys);
    int32_t before = rte_hash_count(table->hash);
    for (int i = 0; i < BATCH; i++)
        add(table, &keys[i], value);
    return rte_hash_count(table->hash) - before;
}

static size_t forget(void *opaque, const uint64_t *keys, size_t count) {
    struct table *table = opaque;
    size_t gone = 0;
    table->has_graves = table->readers != NULL;
    for (size_t i = 0; i < count; i++)
        gone += rte_hash_del_key(table->hash, &keys[i]) >= 0;
    return gone;
}

static void clear(void *opaque) {
    struct table *table = opaque;
    rte_hash_reset(table->hash);
    table->has_graves = 0;
}

#define OPERATIONS                                                                                                     \
    .destroy = destroy, .enter = enter, .leave = leave, .look_up = look_up, .look_up_each = look_up_each,              \
    .learn = learn, .check = check, .forget = forget, .clear = clear, .look_up_many = look_up_many,                    \
    .check_many = check_many

const struct peer rte_hash_plain = {.make = make_plain, OPERATIONS};
const struct peer rte_hash_lock_free = {.make = make_lock_free, OPERATIONS};
