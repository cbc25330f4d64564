/* What every C peer can do. Batches have BATCH keys; a key that is absent has the port ABSENT. The value of a
 * key is its port in the low 16 bits, and the tick in which it was last seen above. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define BATCH 32
#define ABSENT UINT16_MAX

struct peer {
    /* Room for so many entries; NULL if it cannot be made. */
    void *(*make)(size_t entries);
    void (*destroy)(void *table);
    /* Before a thread's first look-up beside a writer, and after its last. */
    void (*enter)(void *table);
    void (*leave)(void *table);
    void (*look_up)(void *table, const uint64_t *keys, uint16_t *found);
    void (*look_up_each)(void *table, const uint64_t *keys, uint16_t *found);
    /* Gives keys this value; returns how many were new. */
    size_t (*learn)(void *table, uint32_t value, const uint64_t *keys);
    /* Gives this value to those keys that do not have it; returns how many were new. */
    size_t (*check)(void *table, uint32_t value, const uint64_t *keys);
    /* Takes keys out; returns how many were there. */
    size_t (*forget)(void *table, const uint64_t *keys, size_t count);
    void (*clear)(void *table);
    /* look_up and check of any number of keys; NULL where the table has no call for more than one. */
    void (*look_up_many)(void *table, const uint64_t *keys, size_t count, uint16_t *found);
    size_t (*check_many)(void *table, uint32_t value, const uint64_t *keys, size_t count);
};
