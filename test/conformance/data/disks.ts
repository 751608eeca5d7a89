import { execFileSync } from 'node:child_process'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Scratch, scratch } from './kit.ts'

/** A small file system of its own. Making one takes root. */
export interface Disk extends Scratch {
  /** Turns it read-only under its users, as the kernel does after an error of the disk. */
  fail(): void
}

/** Whether this user may mount: the tests that need a disk of their own can't run otherwise. */
export const mayMount = process.platform === 'linux' && process.getuid?.() === 0 && canMount()

/** In memory, `bytes` large. */
export function memoryDisk(bytes: number): Disk {
  const { path, folder } = mountPoint()
  command('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'selvedge-test', path)
  return {
    path,
    fail: () => {
      throw new Error('A disk in memory has no errors')
    },
    remove: () => unmount(path, folder),
  }
}

/** ext4 in a file of 8 MiB, mounted as servers do: the first error of the disk makes it read-only. */
export function failingDisk(): Disk {
  const { path, folder } = mountPoint()
  const image = join(folder.path, 'image')
  writeFileSync(image, '')
  truncateSync(image, 8 * 1024 ** 2)
  command('mkfs.ext4', '-q', '-F', '-O', '^has_journal', image)
  command('mount', '-o', 'loop,errors=remount-ro', image, path)
  const device = basename(command('losetup', '--noheadings', '--output', 'NAME', '--associated', image))
  return {
    path,
    fail: () => writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, '1'),
    remove: () => unmount(path, folder),
  }
}

function mountPoint(): { readonly path: string; readonly folder: Scratch } {
  const folder = scratch()
  const path = join(folder.path, 'disk')
  mkdirSync(path)
  return { path, folder }
}

function unmount(path: string, folder: Scratch): void {
  command('umount', '--lazy', path)
  folder.remove()
}

function canMount(): boolean {
  try {
    memoryDisk(64 * 1024).remove()
    return true
  } catch {
    return false
  }
}

function command(file: string, ...args: readonly string[]): string {
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}
