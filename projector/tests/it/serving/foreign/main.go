// Reads a published log with golang.org/x/mod/sumdb/{note,tlog} and nothing else: the checkpoint's
// signature, and that every entry is in the tree that it signs.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type log struct {
	http   *http.Client
	prefix string
	token  string
}

func (l log) get(path string) []byte {
	request, err := http.NewRequest("GET", l.prefix+"/"+path, nil)
	check(err)
	if l.token != "" {
		request.Header.Set("Authorization", "Bearer "+l.token)
	}
	answer, err := l.http.Do(request)
	check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(err)
	if answer.StatusCode != 200 {
		check(fmt.Errorf("%s: %s", path, answer.Status))
	}
	return body
}

func (l log) Height() int { return 8 }

func (l log) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		data = append(data, log{l.http, l.prefix, ""}.get(strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
	}
	return data, nil
}

func (l log) SaveTiles([]tlog.Tile, [][]byte) {}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	prefix, roots, vkey, token := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	pem, err := os.ReadFile(roots)
	check(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		check(fmt.Errorf("no certificate in %s", roots))
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	l := log{client, prefix, token}

	verifier, err := note.NewVerifier(vkey)
	check(err)
	signed, err := note.Open(log{client, prefix, ""}.get("checkpoint"), note.VerifierList(verifier))
	check(err)
	lines := strings.Split(signed.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	raw, err := base64.StdEncoding.DecodeString(lines[2])
	check(err)
	tree := tlog.Tree{N: size, Hash: tlog.Hash(raw)}
	reader := tlog.TileHashReader(tree, l)

	for first := int64(0); first < size; first += 256 {
		width := min(size-first, 256)
		tile := tlog.Tile{H: 8, L: -1, N: first / 256, W: int(width)}
		bundle := l.get(strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1))
		for index := first; index < first+width; index++ {
			length := int(binary.BigEndian.Uint16(bundle))
			entry := bundle[2 : 2+length]
			bundle = bundle[2+length:]
			proof, err := tlog.ProveRecord(size, index, reader)
			check(err)
			check(tlog.CheckRecord(proof, size, tree.Hash, index, tlog.RecordHash(entry)))
		}
		if len(bundle) != 0 {
			check(fmt.Errorf("more in a bundle than its entries"))
		}
	}
	fmt.Printf("%s: %d entries, all in the tree\n", lines[0], size)
}
