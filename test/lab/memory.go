package lab

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// memory is the sum over all processes in the sandbox, shared pages counted
// once.
func (l *Lab) memory() string {
	files, err := filepath.Glob("/proc/[0-9]*/smaps_rollup")
	if err != nil {
		return err.Error()
	}
	total, count := int64(0), 0
	for _, f := range files {
		if kib, ok := pss(f); ok {
			total += kib
			count++
		}
	}
	return fmt.Sprintf("%d MB in %d processes", total>>10, count)
}

func pss(file string) (int64, bool) {
	f, err := os.Open(file)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		if fields := strings.Fields(scanner.Text()); len(fields) > 1 && fields[0] == "Pss:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib, err == nil
		}
	}
	return 0, false
}
