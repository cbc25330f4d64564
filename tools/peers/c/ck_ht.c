/* Concurrency Kit's ck_ht: keys and values in place, one writer, readers without locks. */
#include "peer.h"
#include <ck_ht.h>
#include <stdlib.h>

static void *allocate(size_t size) { return malloc(size); }

/* A table that grew would have to wait for its readers here. Tables are sized so that none grows. */
static void release(void *memory, size_t size, bool defer) {
    (void)size;
    (void)defer;
    free(memory);
}

static struct ck_malloc allocator = {.malloc = allocate, .free = release};

/* The library's own hash is Murmur over a string of bytes; one multiplication does for a word. */
static void hash_of(ck_ht_hash_t *hash, const void *key, size_t length, uint64_t seed) {
    (void)length;
    uint64_t word = (*(const uintptr_t *)key ^ seed) * UINT64_C(0xf1357aea2e62a9c5);
    hash->value = word >> 38 | word << 26;
}

static void *make(size_t entries) {
    ck_ht_t *table = malloc(sizeof *table);
    /* It doubles when more than half full. */
    if (!ck_ht_init(table, CK_HT_MODE_DIRECT | CK_HT_WORKLOAD_DELETE, hash_of, &allocator, 2 * entries, 1)) {
        free(table);
        return NULL;
    }
    return table;
}

static void destroy(void *table) {
    ck_ht_destroy(table);
    free(table);
}

static void stay(void *table) { (void)table; }

static inline int find(ck_ht_t *table, uint64_t key, uintptr_t *value) {
    ck_ht_hash_t hash;
    ck_ht_entry_t entry;
    ck_ht_hash_direct(&hash, table, key);
    ck_ht_entry_key_set_direct(&entry, key);
    if (!ck_ht_get_spmc(table, hash, &entry))
        return 0;
    *value = ck_ht_entry_value_direct(&entry);
    return 1;
}

static void look_up(void *table, const uint64_t *keys, uint16_t *found) {
    for (int i = 0; i < BATCH; i++) {
        uintptr_t value;
        found[i] = find(table, keys[i], &value) ? (uint16_t)value : ABSENT;
    }
}

static inline void set(ck_ht_t *table, uint64_t key, uint32_t value) {
    ck_ht_hash_t hash;
    ck_ht_entry_t entry;
    ck_ht_hash_direct(&hash, table, key);
    ck_ht_entry_set_direct(&entry, hash, key, value);
    ck_ht_set_spmc(table, hash, &entry);
}

static size_t learn(void *table, uint32_t value, const uint64_t *keys) {
    CK_HT_TYPE before = ck_ht_count(table);
    for (int i = 0; i < BATCH; i++)
        set(table, keys[i], value);
    return ck_ht_count(table) - before;
}

static size_t check(void *table, uint32_t value, const uint64_t *keys) {
    size_t new = 0;
    for (int i = 0; i < BATCH; i++) {
        uintptr_t known;
        int is_known = find(table, keys[i], &known);
        if (is_known && known == value)
            continue;
        set(table, keys[i], value);
        new += !is_known;
    }
    return new;
}

static size_t forget(void *table, const uint64_t *keys, size_t count) {
    size_t gone = 0;
    for (size_t i = 0; i < count; i++) {
        ck_ht_hash_t hash;
        ck_ht_entry_t entry;
        ck_ht_hash_direct(&hash, table, keys[i]);
        ck_ht_entry_key_set_direct(&entry, keys[i]);
        gone += ck_ht_remove_spmc(table, hash, &entry);
    }
    return gone;
}

static void clear(void *table) {
    ck_ht_t *ht = table;
    CK_HT_TYPE entries = ck_ht_count(ht);
    ck_ht_reset_size_spmc(ht, 2 * entries);
}

const struct peer ck_ht_peer = {
    .make = make,
    .destroy = destroy,
    .enter = stay,
    .leave = stay,
    .look_up = look_up,
    .look_up_each = look_up,
    .learn = learn,
    .check = check,
    .forget = forget,
    .clear = clear,
};
