// Handles each alert of Curfew at least once, in any number of processes.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const stream, group = "{curfew}:alerts", "pager"

func or(name, otherwise string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return otherwise
}

func main() {
	ctx := context.Background()
	// Each process has a name of its own.
	consumer := or("CONSUMER", fmt.Sprintf("pager-%d", os.Getpid()))
	// After this time another process takes over what somebody was given and has not acknowledged.
	idle, err := time.ParseDuration(or("IDLE_MS", "60000") + "ms")
	if err != nil {
		log.Fatal(err)
	}
	options, err := redis.ParseURL(or("REDIS_URL", "redis://127.0.0.1:6379/0"))
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(options)

	handle := func(id string, alert map[string]any) {
		if alert["state"] == "firing" {
			fmt.Println(id, alert["severity"], alert["message"])
		}
	}
	dealWith := func(entries []redis.XMessage) {
		for _, entry := range entries {
			handle(entry.ID, entry.Values)
			// Only now: an alert that a process died over comes again.
			if err := client.XAck(ctx, stream, group, entry.ID).Err(); err != nil {
				log.Fatal(err)
			}
		}
	}

	err = client.XGroupCreateMkStream(ctx, stream, group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		log.Fatal(err)
	}
	for {
		for cursor := "0-0"; ; {
			entries, next, err := client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
				Stream: stream, Group: group, Consumer: consumer, MinIdle: idle, Start: cursor, Count: 100,
			}).Result()
			if err != nil {
				log.Fatal(err)
			}
			dealWith(entries)
			if cursor = next; cursor == "0-0" {
				break
			}
		}
		streams, err := client.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: group, Consumer: consumer, Streams: []string{stream, ">"}, Count: 100, Block: 5 * time.Second,
		}).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			log.Fatal(err)
		}
		for _, read := range streams {
			dealWith(read.Messages)
		}
	}
}
