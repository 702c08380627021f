// Go's own text/template on the cases that it is given: JSON on standard input, JSON on standard output.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/template"
	"time"
)

type Digest string

func (d Digest) String() string            { return string(d) }
func (d Digest) Encoded() string           { return string(d)[7:] }
func (d Digest) First(count int) string    { return string(d)[:count] }
func (d Digest) With(prefix string) string { return prefix + string(d) }
func (d Digest) Count(values ...any) int   { return len(values) }
func (d Digest) Failing() (string, error)  { return "", errors.New("it failed") }

type Platform struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	OSVersion    string   `json:"os.version,omitempty"`
	OSFeatures   []string `json:"os.features,omitempty"`
}

type Descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      Digest            `json:"digest"`
	Size        int64             `json:"size"`
	URLs        []string          `json:"urls,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Data        []byte            `json:"data,omitempty"`
	Platform    *Platform         `json:"platform,omitempty"`
}

type Index struct {
	SchemaVersion int               `json:"schemaVersion"`
	Digest        Digest            `json:"digest"`
	Size          int64             `json:"size"`
	Manifests     []Descriptor      `json:"manifests"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type Config struct {
	User    string              `json:",omitempty"`
	Env     []string            `json:"Env,omitempty"`
	Volumes map[string]struct{} `json:",omitempty"`
	Args    bool                `json:"-"`
}

type History struct {
	By    string `json:"by,omitempty"`
	Empty bool   `json:"empty,omitempty"`
}

type Image struct {
	Created *time.Time `json:"created,omitempty"`
	Platform
	Config  Config    `json:"config"`
	History []History `json:"history,omitempty"`
}

type Stub struct {
	SPDX any `json:",omitempty"`
}

type Input struct {
	Name     string            `json:"name,omitempty"`
	Manifest any               `json:"manifest,omitempty"`
	Image    *Image            `json:"image,omitempty"`
	NoImage  *Image            `json:"noImage"`
	Nothing  any               `json:"nothing"`
	Images   map[string]*Image `json:"images,omitempty"`
	Decoded  any               `json:"decoded"`
	Ratio    float64           `json:"ratio"`
	Negative int               `json:"negative,omitempty"`
	NoMap    map[string]any    `json:"noMap"`
	NoList   []any             `json:"noList"`
	First    Platform          `json:"first"`
	Second   Platform          `json:"second"`
	One      History           `json:"one"`
	Other    History           `json:"other"`
}

func (i Input) SBOM() (Stub, error)     { return Stub{SPDX: i.Decoded}, nil }
func (i Input) Broken() (string, error) { return "", errors.New("no such thing") }

func input(decoded any) Input {
	created := time.Date(2024, 2, 3, 4, 5, 6, 120000000, time.UTC)
	image := &Image{
		Created:  &created,
		Platform: Platform{Architecture: "arm64", OS: "linux"},
		Config:   Config{Env: []string{"PATH=/bin", "A=<b>"}, Volumes: map[string]struct{}{"/data": {}}},
		History:  []History{{By: "RUN x"}, {Empty: true}},
	}
	return Input{
		Name: "example.com/repo:tag",
		Manifest: Index{
			SchemaVersion: 2,
			Digest:        "sha256:abcdef",
			Size:          1234567890123456789,
			Manifests: []Descriptor{
				{MediaType: "text/plain", Digest: "sha256:1111", Size: 7, Data: []byte("h\xc3\xa9"), Platform: &Platform{Architecture: "amd64", OS: "linux"}},
				{Digest: "sha256:2222", URLs: []string{"https://a"}, Annotations: map[string]string{"z": "1", "a": "<2>"}},
			},
		},
		Image:    image,
		Images:   map[string]*Image{"linux/arm64": image, "linux/amd64": nil},
		Decoded:  decoded,
		Ratio:    0.1,
		Negative: -42,
		First:    Platform{OS: "a"},
		Second:   Platform{OS: "a"},
		One:      History{By: "x"},
		Other:    History{By: "x"},
	}
}

type testCase struct {
	Template string
	// The template sees what this decodes to, unless it is to see a struct with that in its field Decoded.
	Data     json.RawMessage
	IsStruct bool
}

type result struct {
	Output []byte `json:"output"`
	Tree   string `json:"tree"`
	Error  string `json:"error"`
}

func run(one testCase) (answer result) {
	var decoded any
	if err := json.Unmarshal(one.Data, &decoded); err != nil {
		return result{Error: err.Error()}
	}
	data := decoded
	if one.IsStruct {
		data = input(decoded)
	}
	parsed, err := template.New("").Funcs(template.FuncMap{
		"json": func(value any) string {
			text, _ := json.MarshalIndent(value, "", "  ")
			return string(text)
		},
	}).Parse(one.Template)
	if err != nil {
		return result{Error: err.Error()}
	}
	tree := parsed.Root.String()
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return result{Tree: tree, Error: err.Error()}
	}
	return result{Tree: tree, Output: out.Bytes()}
}

func main() {
	var cases []testCase
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	answers := make([]result, 0, len(cases))
	for _, one := range cases {
		answer := run(one)
		if answer.Output == nil {
			answer.Output = []byte{}
		}
		answers = append(answers, answer)
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}
