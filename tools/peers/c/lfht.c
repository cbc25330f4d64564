/* The lock-free table of Userspace RCU: chains of nodes, a read-side section per batch. */
#include "peer.h"
#define URCU_INLINE_SMALL_FUNCTIONS
#include <stdlib.h>
#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>
#include <urcu/uatomic.h>

/* Nodes that are taken out wait until there are so many, so that one grace period does for all of them. */
#define GRAVES 4096

struct node {
    struct cds_lfht_node chain;
    uint64_t key;
    uint32_t value;
};

struct table {
    struct cds_lfht *hash;
    size_t dead;
    struct node *graves[GRAVES];
};

static inline unsigned long hash_of(uint64_t key) {
    uint64_t word = key * UINT64_C(0xf1357aea2e62a9c5);
    return word >> 38 | word << 26;
}

static int matches(struct cds_lfht_node *chain, const void *key) {
    return caa_container_of(chain, struct node, chain)->key == *(const uint64_t *)key;
}

static void enter(void *table) {
    (void)table;
    urcu_memb_register_thread();
}

static void leave(void *table) {
    (void)table;
    urcu_memb_unregister_thread();
}

static void *make(size_t entries) {
    static int is_registered;
    if (!is_registered) {
        is_registered = 1;
        urcu_memb_register_thread();
    }
    struct table *table = calloc(1, sizeof *table);
    size_t buckets = 1;
    while (buckets < entries)
        buckets *= 2;
    /* Neither grows nor shrinks, and so keeps no counts either. */
    table->hash = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_memb_flavor, NULL);
    return table;
}

static inline struct node *find(struct table *table, uint64_t key) {
    struct cds_lfht_iter place;
    cds_lfht_lookup(table->hash, hash_of(key), matches, &key, &place);
    struct cds_lfht_node *chain = cds_lfht_iter_get_node(&place);
    return chain ? caa_container_of(chain, struct node, chain) : NULL;
}

static void look_up(void *table, const uint64_t *keys, uint16_t *found) {
    urcu_memb_read_lock();
    for (int i = 0; i < BATCH; i++) {
        struct node *node = find(table, keys[i]);
        found[i] = node ? (uint16_t)uatomic_read(&node->value) : ABSENT;
    }
    urcu_memb_read_unlock();
}

/* The value of a node changes in place. */
static size_t check(void *opaque, uint32_t value, const uint64_t *keys) {
    struct table *table = opaque;
    size_t new = 0;
    urcu_memb_read_lock();
    for (int i = 0; i < BATCH; i++) {
        struct node *node = find(table, keys[i]);
        if (!node) {
            node = malloc(sizeof *node);
            cds_lfht_node_init(&node->chain);
            node->key = keys[i];
            node->value = value;
            cds_lfht_add(table->hash, hash_of(keys[i]), &node->chain);
            new++;
        } else if (uatomic_read(&node->value) != value) {
            uatomic_set(&node->value, value);
        }
    }
    urcu_memb_read_unlock();
    return new;
}

static void bury(struct table *table) {
    urcu_memb_synchronize_rcu();
    while (table->dead)
        free(table->graves[--table->dead]);
}

static size_t forget(void *opaque, const uint64_t *keys, size_t count) {
    struct table *table = opaque;
    size_t gone = 0;
    for (size_t i = 0; i < count; i++) {
        urcu_memb_read_lock();
        struct node *node = find(table, keys[i]);
        int is_mine = node && cds_lfht_del(table->hash, &node->chain) == 0;
        urcu_memb_read_unlock();
        if (is_mine) {
            table->graves[table->dead++] = node;
            gone++;
        }
        if (table->dead == GRAVES)
            bury(table);
    }
    return gone;
}

static void clear(void *opaque) {
    struct table *table = opaque;
    struct cds_lfht_iter place;
    struct node *node;
    urcu_memb_read_lock();
    cds_lfht_first(table->hash, &place);
    for (struct cds_lfht_node *chain; (chain = cds_lfht_iter_get_node(&place));) {
        node = caa_container_of(chain, struct node, chain);
        cds_lfht_next(table->hash, &place);
        if (cds_lfht_del(table->hash, chain) == 0)
            table->graves[table->dead++] = node;
        if (table->dead == GRAVES) {
            /* The next node may be freed neither by this thread, which still holds it, nor by another: there is none. */
            urcu_memb_read_unlock();
            bury(table);
            urcu_memb_read_lock();
        }
    }
    urcu_memb_read_unlock();
    bury(table);
}

static void destroy(void *opaque) {
    struct table *table = opaque;
    clear(table);
    cds_lfht_destroy(table->hash, NULL);
    free(table);
}

const struct peer lfht_peer = {
    .make = make,
    .destroy = destroy,
    .enter = enter,
    .leave = leave,
    .look_up = look_up,
    .look_up_each = look_up,
    .learn = check,
    .check = check,
    .forget = forget,
    .clear = clear,
};
