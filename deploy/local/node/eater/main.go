// The one program that the node level runs in containers: static, so that its image is this file alone.
//
//	eater            waits for the end, as a pod's sandbox does
//	eater 40 2       holds 40 MiB, grows to them by 2 MiB a second, then waits
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const mebibyte = 1 << 20

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	if len(os.Args) == 3 {
		wanted, rate := number(os.Args[1]), number(os.Args[2])
		go eat(wanted, rate)
	}
	<-end
}

// eat holds memory: pages that were written to, so that the kernel has to find room for them.
func eat(wanted, rate int) {
	held := make([][]byte, 0, wanted)
	for len(held) < wanted {
		for range rate {
			piece := make([]byte, mebibyte)
			for at := 0; at < len(piece); at += os.Getpagesize() {
				piece[at] = 1
			}
			held = append(held, piece)
		}
		fmt.Printf("holding %d MiB\n", len(held))
		time.Sleep(time.Second)
	}
	select {}
}

func number(text string) int {
	found, err := strconv.Atoi(text)
	if err != nil || found < 1 {
		fmt.Fprintf(os.Stderr, "eater: %q is no number of MiB\n", text)
		os.Exit(2)
	}
	return found
}
