// What containerd makes of platforms: one line of JSON in, one out. See ../containerd.ts.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"github.com/containerd/platforms"
	specs "github.com/opencontainers/image-spec/specs-go/v1"
)

type question struct {
	Parse     *string          `json:"parse,omitempty"`
	Normalize *specs.Platform  `json:"normalize,omitempty"`
	Format    *specs.Platform  `json:"format,omitempty"`
	Any       []specs.Platform `json:"any,omitempty"`
	Match     *specs.Platform  `json:"match,omitempty"`
}

func main() {
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	out := json.NewEncoder(os.Stdout)
	for in.More() {
		var q question
		if err := in.Decode(&q); err != nil {
			panic(err)
		}
		switch {
		case q.Parse != nil:
			p, err := platforms.Parse(*q.Parse)
			if err != nil {
				out.Encode(map[string]string{"error": err.Error()})
			} else {
				out.Encode(p)
			}
		case q.Normalize != nil:
			out.Encode(platforms.Normalize(*q.Normalize))
		case q.Format != nil:
			out.Encode([]string{platforms.Format(*q.Format), platforms.FormatAll(*q.Format)})
		default:
			out.Encode(platforms.Any(q.Any...).Match(*q.Match))
		}
	}
}
