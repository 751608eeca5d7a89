// Go's http.DefaultTransport as it is: the environment alone says where its requests go.
package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

func main() {
	for {
		answer, err := http.Get("http://pages.shop/from-go")
		if err != nil {
			fmt.Println("go failed:", err)
		} else {
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			fmt.Printf("go got %d: %s\n", answer.StatusCode, strings.TrimSpace(string(body)))
		}
		time.Sleep(500 * time.Millisecond)
	}
}
