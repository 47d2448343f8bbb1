// Verifies a log of the service with the code of Go's checksum database, and with nothing of ours.
//
//	sumdb LOG VKEY [OLD]
//
// LOG is a log's folder as C2SP tlog-tiles lays it out, or its address; then SUMDB_ROOTS names a file
// with the certificates to trust, and SUMDB_TOKEN is an access token for the entries. VKEY is the verifier
// key (C2SP signed-note) under the log's own name, OLD a file with an earlier checkpoint that the log must
// continue. Every entry is hashed and held against the hash tiles, every tile against the root that was
// signed. Prints how many entries the tree has; ends with 1 where anything differs.
//
// A bundle that is missing is an error, unless the log's key has signed that it was pruned: then the proofs
// of its entries are checked by their hashes, and a line says which entries could not be read.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// How many hashes a tile is wide, as a power of two.
const height = 8

// How many entries are verified at once.
const step = 64 << height

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: sumdb LOG VKEY [OLD]")
		os.Exit(2)
	}
	size, unread, err := verify(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(size)
	for _, bundle := range unread {
		first := bundle << height
		fmt.Printf("entries %d to %d are pruned: they are in the tree, what they say can't be read\n",
			first, first+1<<height-1)
	}
}

func verify(place, vkey string, old []string) (int64, []int64, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return 0, nil, err
	}
	get, err := reading(place)
	if err != nil {
		return 0, nil, err
	}
	text, err := get("checkpoint")
	if err != nil {
		return 0, nil, err
	}
	tree, err := checkpoint(text, verifier)
	if err != nil {
		return 0, nil, err
	}
	gone, err := pruned(get, verifier)
	if err != nil {
		return 0, nil, err
	}
	tiles := tlog.TileHashReader(tree, storage(get))
	for _, name := range old {
		if err := continues(tree, tiles, name, verifier); err != nil {
			return 0, nil, err
		}
	}
	var unread []int64
	for from := int64(0); from < tree.N; from += step {
		missing, err := entries(get, tree, tiles, gone, from, min(from+step, tree.N))
		if err != nil {
			return 0, nil, err
		}
		unread = append(unread, missing...)
	}
	return tree.N, unread, nil
}

// Whether a bundle was taken away.
type bundles func(bundle int64) bool

// What the log's key says was pruned: the name, a line "pruned/1", and "<first>-<last> <before> <at>" for each
// run of bundles.
func pruned(get reader, verifier note.Verifier) (bundles, error) {
	text, err := get("pruned")
	if errors.Is(err, fs.ErrNotExist) {
		return func(int64) bool { return false }, nil
	}
	if err != nil {
		return nil, err
	}
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return nil, fmt.Errorf("what is said to be pruned: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(signed.Text, "\n"), "\n")
	if len(lines) < 2 || lines[0] != verifier.Name() || lines[1] != "pruned/1" {
		return nil, errors.New("what is said to be pruned can't be read")
	}
	var runs [][2]int64
	for _, line := range lines[2:] {
		var run [2]int64
		var before, at int64
		if _, err := fmt.Sscanf(line, "%d-%d %d %d", &run[0], &run[1], &before, &at); err != nil {
			return nil, fmt.Errorf("what is said to be pruned: %w", err)
		}
		runs = append(runs, run)
	}
	return func(bundle int64) bool {
		for _, run := range runs {
			if run[0] <= bundle && bundle <= run[1] {
				return true
			}
		}
		return false
	}, nil
}

// Whether the tree has the entries of a bundle of which only the hashes are left.
func proven(tree tlog.Tree, tiles tlog.HashReader, bundle int64, hashes []tlog.Hash) error {
	for at, hash := range hashes {
		leaf := bundle<<height + int64(at)
		proof, err := tlog.ProveRecord(tree.N, leaf, tiles)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, leaf, hash); err != nil {
			return err
		}
	}
	return nil
}

// A checkpoint: name, size and root on a line each, under the log's signature.
func checkpoint(text []byte, verifier note.Verifier) (tlog.Tree, error) {
	var tree tlog.Tree
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tree, fmt.Errorf("the checkpoint: %w", err)
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 3 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("the checkpoint is not of %s", verifier.Name())
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tree, errors.New("the checkpoint has no root")
	}
	tree.Hash = tlog.Hash(root)
	return tree, nil
}

func continues(tree tlog.Tree, tiles tlog.HashReader, name string, verifier note.Verifier) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	old, err := checkpoint(text, verifier)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, old.N, tiles)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

// Verifies entries; the bundles of them that are pruned.
func entries(
	get reader, tree tlog.Tree, tiles tlog.HashReader, gone bundles, from, until int64,
) ([]int64, error) {
	var unread []int64
	indexes := make([]int64, 0, until-from)
	for leaf := from; leaf < until; leaf++ {
		indexes = append(indexes, tlog.StoredHashIndex(0, leaf))
	}
	hashes, err := tiles.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	for bundle := from >> height; bundle<<height < until; bundle++ {
		width := min(tree.N-bundle<<height, 1<<height)
		tile := tlog.Tile{H: height, L: -1, N: bundle, W: int(width)}
		data, err := get(path(tile))
		if errors.Is(err, fs.ErrNotExist) && gone(bundle) {
			first := bundle<<height - from
			if err := proven(tree, tiles, bundle, hashes[first:first+width]); err != nil {
				return nil, err
			}
			unread = append(unread, bundle)
			continue
		}
		if err != nil {
			return nil, err
		}
		for leaf := bundle << height; leaf < bundle<<height+width; leaf++ {
			if len(data) < 2 {
				return nil, fmt.Errorf("bundle %d is cut short", bundle)
			}
			length := int(binary.BigEndian.Uint16(data))
			if len(data) < 2+length {
				return nil, fmt.Errorf("bundle %d is cut short", bundle)
			}
			if tlog.RecordHash(data[2:2+length]) != hashes[leaf-from] {
				return nil, fmt.Errorf("entry %d is not the one that the tree has", leaf)
			}
			data = data[2+length:]
		}
		if len(data) > 0 {
			return nil, fmt.Errorf("bundle %d has more than its entries", bundle)
		}
	}
	return unread, nil
}

// Where C2SP tlog-tiles has a tile that Go names after its own layout.
func path(tile tlog.Tile) string {
	name := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	return "tile/" + strings.Replace(name, "data/", "entries/", 1)
}

// Reads one file of the log.
type reader func(path string) ([]byte, error)

func reading(place string) (reader, error) {
	if !strings.HasPrefix(place, "https://") {
		return func(path string) ([]byte, error) {
			return os.ReadFile(filepath.Join(place, filepath.FromSlash(path)))
		}, nil
	}
	pem, err := os.ReadFile(os.Getenv("SUMDB_ROOTS"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("SUMDB_ROOTS names no certificates")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	client := &http.Client{Transport: transport}
	return func(path string) ([]byte, error) { return fetch(client, place+"/"+path) }, nil
}

func fetch(client *http.Client, address string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	// Checkpoints and hashes are for everybody.
	if strings.Contains(address, "/tile/entries/") {
		request.Header.Set("Authorization", "Bearer "+os.Getenv("SUMDB_TOKEN"))
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%s: %w", address, fs.ErrNotExist)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", address, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// Reads tiles; TileHashReader verifies them.
type storage reader

func (s storage) Height() int { return height }

func (s storage) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, 0, len(tiles))
	for _, tile := range tiles {
		data, err := s(path(tile))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func (s storage) SaveTiles([]tlog.Tile, [][]byte) {}
